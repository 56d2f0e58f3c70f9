"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Elements are made with text, never with markup: states and answers are other people's.
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined || value === null || value === false) continue;
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (name.startsWith("--")) element.style.setProperty(name, value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    for (const child of children.flat()) if (child !== null && child !== undefined) element.append(child);
    return element;
  };

  // Theme: as the system has it, until the button is pressed.
  const remembered = (() => { try { return localStorage.getItem("coe-theme"); } catch { return null; } })();
  if (remembered) root.dataset.theme = remembered;
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const switchTheme = () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("coe-theme", root.dataset.theme); } catch { /* a page from a file may not store */ }
  };
  $("theme").addEventListener("click", switchTheme);

  // Charts: the nearest values under the pointer, or by arrow keys.
  const tip = $("tip");
  const hideTip = () => { tip.hidden = true; document.querySelectorAll(".cross").forEach((line) => line.remove()); };
  const showTip = (chart, series, x, clientX, clientY) => {
    hideTip();
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, value] of Object.entries({ class: "cross", x1: x, x2: x, y1: 12, y2: 210 })) line.setAttribute(name, value);
    chart.prepend(line);
    tip.replaceChildren();
    let title = null;
    for (const s of series) {
      const point = s.p.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a);
      if (Math.abs(point[0] - x) > 3) continue;
      if (title !== point[2]) tip.append(make("b", {}, `${chart.dataset.x} ${point[2]}`));
      title = point[2];
      tip.append(make("div", {}, make("span", {}, make("i", { class: "swatch", "--c": `var(--c${s.c})` }), s.n), make("span", {}, point[3])));
    }
    tip.hidden = !tip.childElementCount;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(clientX + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${Math.max(8, clientY - box.height - 12)}px`;
  };
  for (const chart of document.querySelectorAll(".chart")) {
    const series = JSON.parse(chart.dataset.s);
    const places = [...new Set(series.flatMap((s) => s.p.map((p) => p[0])))].sort((a, b) => a - b);
    let place = -1;
    const nearest = (x) => places.reduce((best, p, i) => Math.abs(p - x) < Math.abs(places[best] - x) ? i : best, 0);
    chart.addEventListener("pointermove", (event) => {
      const box = chart.getBoundingClientRect();
      place = nearest((event.clientX - box.left) / box.width * chart.viewBox.baseVal.width);
      showTip(chart, series, places[place], event.clientX, event.clientY);
    });
    chart.addEventListener("pointerleave", hideTip);
    chart.addEventListener("blur", hideTip);
    chart.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      place = Math.max(0, Math.min(places.length - 1, place + (event.key === "ArrowRight" ? 1 : -1)));
      const box = chart.getBoundingClientRect();
      showTip(chart, series, places[place], box.left + places[place] / chart.viewBox.baseVal.width * box.width, box.top + 40);
      event.preventDefault();
      event.stopPropagation();
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "t" && !typing(event) && !event.ctrlKey && !event.metaKey && !event.altKey) switchTheme();
  });
  const typing = (event) => /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);

  if (!$("index")) return;

  // Packed parts: base64 of gzip of JSON, unpacked once, when they are first needed.
  const unpacked = new Map();
  const unpack = (id) => {
    if (!unpacked.has(id)) {
      unpacked.set(id, (async () => {
        const text = atob($(id).textContent);
        const bytes = new Uint8Array(text.length);
        for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
        const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
        return JSON.parse(await new Response(stream).text());
      })());
    }
    return unpacked.get(id);
  };
  const pieceSize = 25;
  const pieceCount = document.querySelectorAll('[id^="piece-"]').length;
  const whole = async (number) => (await unpack(`piece-${Math.floor(number / pieceSize)}`))[number % pieceSize];

  const runs = JSON.parse($("runs").textContent);
  const verdicts = ["not solved", "fails hidden checks", "solved"];
  const marks = [["✗", "no"], ["◐", "half"], ["✓", "ok"]];
  const endings = { exit: "EXIT", passed: "passed", turnLimit: "turns used up", contextFull: "context full",
    answered: "answered", unusableTests: "tests can't be used", broken: "broken" };
  const list = $("list"), viewer = $("viewer"), explorer = $("explorer");
  let rows = [], shown = [], chosen = -1, turn = 0, fromStart = false, texts = null;

  const option = (select, value, text) => select.append(make("option", { value }, text));
  const fill = (id, all, entries) => {
    option($(id), "", all);
    for (const [value, text] of entries) option($(id), value, text);
    if (entries.length < 2) $(id).hidden = true;
    $(id).addEventListener("change", () => filter());
  };
  const counted = (key) => {
    const counts = new Map();
    for (const row of rows) counts.set(row[key], (counts.get(row[key]) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };

  const rowHeight = 52;
  const spacer = make("div", { "aria-hidden": "true" });
  const draw = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - 6);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + 6);
    spacer.style.height = `${shown.length * rowHeight}px`;
    const nodes = [];
    for (let i = first; i < last; i++) {
      const row = rows[shown[i]];
      const [mark, kind] = marks[row.v];
      const node = make("div", { class: "row", role: "option", id: `row-${shown[i]}`, "aria-selected": String(shown[i] === chosen),
        "aria-setsize": shown.length, "aria-posinset": i + 1, onclick: () => choose(shown[i], true) },
        make("span", { class: kind, title: verdicts[row.v], "aria-label": verdicts[row.v] }, mark),
        make("span", { class: "name", title: row.t }, row.t),
        make("span", { class: "num" }, row.n === 1 ? "1 turn" : `${row.n} turns`),
        make("span", { class: "meta" },
          runs.length > 1 ? make("i", { class: "swatch", "--c": `var(--c${row.r % 8})`, title: runs[row.r] }) : null,
          `#${row.s}`, row.f ? ` · ${row.f}` : "", row.k ? ` · ${row.k} tokens` : "", ` · ${endings[row.x] || row.x}`));
      node.style.top = `${i * rowHeight}px`;
      nodes.push(node);
    }
    list.replaceChildren(spacer, ...nodes);
    list.setAttribute("aria-activedescendant", chosen >= 0 ? `row-${chosen}` : "");
  };

  const orders = {
    order: ["As played", null],
    turns: ["Most turns first", (a, b) => b.n - a.n],
    tokens: ["Most tokens first", (a, b) => b.k - a.k],
    excess: ["Largest excess edit first", (a, b) => (b.o ?? -1) - (a.o ?? -1)],
    task: ["By task", (a, b) => a.t < b.t ? -1 : a.t > b.t ? 1 : a.r - b.r || a.s - b.s],
  };

  // States and commands are searched too; they are unpacked at the first search.
  const searchable = async () => {
    const descriptions = await unpack("tasks");
    const all = [];
    for (let i = 0; i < pieceCount; i++) {
      for (const episode of await unpack(`piece-${i}`)) {
        const row = rows[all.length];
        all.push([row.t, row.f, descriptions[row.t]?.p || "", episode.p, ...episode.u.map((u) => u.x + "\n" + (u.e || ""))].join("\n").toLowerCase());
      }
    }
    return all;
  };

  let filterTicket = 0;
  const filter = async (keep = false) => {
    const words = $("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const mine = ++filterTicket;
    let all = null;
    if (words.length) {
      $("count").textContent = "Unpacking…";
      all = await (texts ||= searchable());
      // What was typed meanwhile has its own turn.
      if (mine !== filterTicket) return;
    }
    const run = $("f-run").value, result = $("f-result").value, exit = $("f-exit").value, kind = $("f-kind").value;
    shown = [];
    rows.forEach((row, i) => {
      if (run !== "" && row.r !== +run) return;
      if (result !== "" && row.v !== +result) return;
      if (exit && row.x !== exit) return;
      if (kind && row.f !== kind) return;
      if (words.length && !words.every((word) => all[i].includes(word))) return;
      shown.push(i);
    });
    const compare = orders[$("f-sort").value || "order"][1];
    if (compare) shown.sort((a, b) => compare(rows[a], rows[b]) || a - b);
    const solved = shown.filter((i) => rows[i].v === 2).length;
    $("count").textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} · ${solved.toLocaleString("en")} solved`;
    if (!keep) list.scrollTop = 0;
    draw();
    if (!shown.includes(chosen)) {
      if (shown.length) choose(shown[0], false);
      else { chosen = -1; viewer.replaceChildren(make("p", { class: "empty" }, "No episode matches.")); }
    }
  };

  // Lines of two states side by side in one list, by the longest common subsequence of what differs.
  const compareLines = (before, after) => {
    const split = (text) => { const lines = text.split(/\r\n|\n|\r/); if (lines.at(-1) === "") lines.pop(); return lines; };
    const a = split(before), b = split(after), out = [];
    let head = 0, tail = 0;
    while (head < Math.min(a.length, b.length) && a[head] === b[head]) head++;
    while (tail < Math.min(a.length, b.length) - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
    const n = a.length - head - tail, m = b.length - head - tail;
    const table = Array.from({ length: n + 1 }, () => new Uint16Array(m + 1));
    for (let i = n - 1; i >= 0; i--)
      for (let j = m - 1; j >= 0; j--)
        table[i][j] = a[head + i] === b[head + j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
    for (let i = 0; i < head; i++) out.push([" ", i + 1, i + 1, a[i]]);
    let i = 0, j = 0;
    while (i < n || j < m) {
      if (i < n && j < m && a[head + i] === b[head + j]) { out.push([" ", head + i + 1, head + j + 1, a[head + i]]); i++; j++; }
      else if (i < n && (j === m || table[i + 1][j] >= table[i][j + 1])) { out.push(["-", head + i + 1, null, a[head + i]]); i++; }
      else { out.push(["+", null, head + j + 1, b[head + j]]); j++; }
    }
    for (let i = 0; i < tail; i++) out.push([" ", a.length - tail + i + 1, b.length - tail + i + 1, a[a.length - tail + i]]);
    return out;
  };

  const diff = (before, after) => {
    const pre = make("pre");
    const lines = compareLines(before, after);
    // A run of removed lines before as many added ones is the same lines changed: mark what differs in each.
    const partner = new Map();
    for (let i = 0; i < lines.length;) {
      let d = i; while (d < lines.length && lines[d][0] === "-") d++;
      let p = d; while (p < lines.length && lines[p][0] === "+") p++;
      if (d > i && d - i === p - d) for (let k = 0; k < d - i; k++) { partner.set(i + k, d + k); partner.set(d + k, i + k); }
      i = Math.max(p, i + 1);
    }
    lines.forEach(([sign, old, now, text], index) => {
      let content = text;
      if (partner.has(index)) {
        const other = lines[partner.get(index)][3];
        let start = 0, end = 0;
        while (start < Math.min(text.length, other.length) && text[start] === other[start]) start++;
        while (end < Math.min(text.length, other.length) - start && text.at(-1 - end) === other.at(-1 - end)) end++;
        content = [text.slice(0, start), make("mark", {}, text.slice(start, text.length - end)), text.slice(text.length - end)];
      }
      pre.append(make("div", { class: sign === "+" ? "ln add" : sign === "-" ? "ln del" : "ln" },
        make("span", {}, old ?? ""), make("span", {}, now ?? ""), make("span", { "aria-label": sign === "+" ? "added" : sign === "-" ? "removed" : null }, sign), make("span", {}, content)));
    });
    if (!lines.length) pre.append(make("div", { class: "ln" }, make("span"), make("span"), make("span"), make("span", {}, "(empty)")));
    return make("div", { class: "code", tabindex: "0", role: "group", "aria-label": "State" }, pre);
  };

  const signed = (value, places) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(places);
  const unsure = (thousandths) => (1 - Math.exp(thousandths / 1000)).toFixed(3);
  const said = (u) => {
    const pre = make("pre");
    const tokens = [];
    let rest = u.x;
    if (u.l.length && u.q.length === u.l.length) {
      let place = 0;
      u.l.forEach((length, i) => { tokens.push([u.k.slice(place, place + length), u.q[i]]); place += length; });
      for (const [text, q] of tokens) {
        const p = Math.exp(q / 1000);
        // A line feed ends a command; it is shown, since it was chosen like the others.
        pre.append(make("span", { class: "tok", "--u": unsure(q), title: `p = ${p >= 0.9995 ? "1.000" : p.toFixed(3)}, log-probability ${signed(q / 1000, 3)}` }, text === "" ? "∅" : text.replace(/^\n$/, "⏎\n")));
      }
      rest = null;
    }
    if (rest !== null) pre.append(rest === "" ? "(nothing)" : rest);
    const box = make("div", { class: "said", tabindex: "0", role: "group", "aria-label": "What the model wrote" }, pre);
    if (rest !== null && u.q.length) box.append(make("div", { class: "heatbar", "aria-hidden": "true" }, u.q.map((q) => make("span", { class: "tok", "--u": unsure(q), title: `p = ${Math.exp(q / 1000).toFixed(3)}` }))));
    const parts = [box];
    if (u.q.length) {
      const mean = u.q.reduce((a, b) => a + b, 0) / u.q.length / 1000;
      const least = tokens.length ? tokens.reduce((a, b) => b[1] < a[1] ? b : a) : null;
      parts.push(make("div", { class: "key" }, "sure", make("span", { class: "ramp" }), "unsure",
        make("span", {}, `· ${u.q.length} tokens, mean log-probability ${signed(mean, 3)}` + (least ? `, least sure of ${JSON.stringify(least[0])} (p = ${Math.exp(least[1] / 1000).toFixed(3)})` : ""))));
    }
    return parts;
  };

  const outcome = (name) => name === "passed" ? ["✓", "ok"] : name === "skipped" ? ["–", "half"] : name === "notRun" || name === "refused" ? ["·", "half"]
    : name === "timeout" ? ["⧖", "no"] : ["✗", "no"];
  const checks = (verdict, first) => {
    if (verdict.f !== undefined) return [make("p", { class: verdict.v ? "" : "problem" }, verdict.f)];
    const item = (ended, name, note) => {
      const [mark, kind] = outcome(ended);
      return make("li", {}, make("span", { class: kind, title: ended, "aria-label": ended }, mark),
        make("span", {}, name, note ? make("span", { class: "why" }, note) : null));
    };
    const items = verdict.t.map((check, i) => item(check.s, make("code", {}, check.n ?? first?.t[i]?.n ?? `check ${i + 1}`), check.m));
    if (verdict.h !== undefined) items.push(item(verdict.h ? "passed" : "failed", make("span", { class: "chip" }, "hidden checks")));
    return [make("ul", { class: "tests" }, items)];
  };

  let ticket = 0;
  const view = async () => {
    const mine = ++ticket;
    const number = chosen, row = rows[number];
    let episode, descriptions;
    try { [episode, descriptions] = await Promise.all([whole(number), unpack("tasks")]); } catch (error) {
      viewer.replaceChildren(make("p", { class: "problem" }, `This browser can't unpack the episode: ${error.message}. It needs DecompressionStream (2023 or newer).`));
      return;
    }
    if (mine !== ticket) return;
    const task = descriptions[row.t];
    // What was true after each turn; turn 0 is the start.
    const states = [{ p: episode.p, j: episode.j }];
    for (const u of episode.u) states.push({ p: u.p ?? states.at(-1).p, j: u.j ?? states.at(-1).j });
    turn = Math.max(0, Math.min(turn, episode.u.length));
    const u = turn > 0 ? episode.u[turn - 1] : null;
    const state = states[turn];
    const [, kind] = marks[row.v];
    const reward = episode.u.reduce((sum, u) => sum + u.w, 0);
    const chip = (text, kind = "") => make("span", { class: `chip ${kind}` }, text);
    const go = (to) => { turn = to; view(); };

    const steps = make("div", { class: "steps", role: "group", "aria-label": "Turns" },
      make("button", { class: "small-button", type: "button", disabled: turn === 0, "aria-label": "Turn before", onclick: () => go(turn - 1) }, "←"),
      states.map((s, i) => make("button", { type: "button", class: "step" + (s.j?.v === 2 ? " pass" : s.j?.v === 1 ? " half" : i > 0 && episode.u[i - 1].e ? " err" : ""),
        "aria-current": i === turn ? "step" : null, onclick: () => go(i),
        "aria-label": `${i === 0 ? "Start" : `Turn ${i}`}: ${s.j?.v === 2 ? "passes" : s.j?.v === 1 ? "fails hidden checks" : i > 0 && episode.u[i - 1].e ? "not carried out" : "fails"}` }, i === 0 ? "start" : String(i))),
      make("button", { class: "small-button", type: "button", disabled: turn === episode.u.length, "aria-label": "Next turn", onclick: () => go(turn + 1) }, "→"));

    const parts = [
      make("button", { class: "small-button back", type: "button", onclick: () => { explorer.classList.remove("open"); list.focus(); } }, "← Episodes"),
      make("h3", {}, row.t),
      make("div", { class: "chips" }, chip(verdicts[row.v], kind), chip(endings[row.x] || row.x), chip(`sample ${row.s}`),
        runs.length > 1 ? make("span", { class: "chip" }, make("i", { class: "swatch", "--c": `var(--c${row.r % 8})` }), runs[row.r]) : null,
        chip(row.n === 1 ? "1 turn" : `${row.n} turns`), row.k ? chip(`${row.k.toLocaleString("en")} tokens`) : null, chip(`${episode.s.toFixed(1)} s`),
        chip(`reward ${signed(reward, 1)}`),
        episode.z ? chip(`${episode.z[0]} commands from start to end, ${episode.z[1]} needed`, episode.z[0] > episode.z[1] ? "half" : "") : null,
        chip(`seed ${episode.g}`)),
      episode.e ? make("p", { class: "problem" }, episode.e) : null,
      task?.p ? make("p", { class: "prompt" }, task.p) : null,
      task?.r ? make("details", {}, make("summary", {}, "Known solution"), diff(episode.p, task.r)) : null,
      steps,
    ];
    if (u) {
      parts.push(make("h4", {}, episode.c ? "Command" : "Answer",
        u.w ? make("span", { class: "chip reward " + (u.w > 0 ? "ok" : "no") }, `reward ${signed(u.w, 1)}`) : null),
        ...said(u));
      if (u.e) parts.push(make("p", { class: "problem" }, u.e));
    }
    const toggle = turn > 1 ? make("span", { class: "toggle" },
      make("button", { type: "button", "aria-pressed": String(!fromStart), onclick: () => { fromStart = false; view(); } }, "this turn"),
      make("button", { type: "button", "aria-pressed": String(fromStart), onclick: () => { fromStart = true; view(); } }, "since the start")) : null;
    parts.push(make("h4", {}, "State", toggle), diff(turn === 0 ? state.p : fromStart ? episode.p : states[turn - 1].p, state.p));
    if (state.j) {
      parts.push(make("h4", {}, state.j.t.length ? "Checks" : "Verdict", " ", chip(`progress ${(state.j.g / 10).toFixed(0)} %`)), ...checks(state.j, episode.j));
    }
    if (u?.b) parts.push(make("details", {}, make("summary", {}, "Feedback as the model read it"), make("pre", { class: "feedback" }, u.b)));
    const hadFocus = viewer.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    viewer.replaceChildren(...parts.filter(Boolean));
    if (hadFocus) {
      const again = [...viewer.querySelectorAll("[aria-label]")].find((e) => e.getAttribute("aria-label") === hadFocus && !e.disabled);
      (again || viewer.querySelector('[aria-current="step"]'))?.focus();
    }
    try { history.replaceState(null, "", `#episode-${number}/${turn}`); } catch { /* a page from a file may not */ }
  };

  const choose = (number, open) => {
    if (number !== chosen) viewer.scrollTop = 0;
    chosen = number;
    // The last turn shows what came of it; the one that solves it is the most telling.
    turn = rows[number].n;
    fromStart = false;
    const place = shown.indexOf(number) * rowHeight;
    if (place < list.scrollTop) list.scrollTop = place;
    if (place + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = place + rowHeight - list.clientHeight;
    draw();
    if (open && !explorer.classList.contains("open")) {
      explorer.classList.add("open");
      // On a phone the viewer takes the list's place.
      if (!list.offsetParent) explorer.scrollIntoView({ block: "start" });
    }
    return view();
  };

  const move = (by) => {
    if (!shown.length) return;
    const at = shown.indexOf(chosen);
    choose(shown[Math.max(0, Math.min(shown.length - 1, at < 0 ? 0 : at + by))], false);
  };

  list.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(list);
  $("search").addEventListener("input", () => filter());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target === $("search")) { $("search").value = ""; filter(); list.focus(); return; }
    if (event.key === "Escape") { explorer.classList.remove("open"); hideTip(); return; }
    if (event.key === "Enter" && event.target === $("search")) { list.focus(); return; }
    if (typing(event)) return;
    if (event.key === "/") { $("search").focus(); $("search").select(); event.preventDefault(); return; }
    const inside = explorer.contains(event.target);
    const inList = event.target === list;
    const keys = { j: 1, k: -1 };
    if (keys[event.key]) { move(keys[event.key]); return; }
    if (!inside) return;
    const page = Math.max(1, Math.floor(list.clientHeight / rowHeight) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -rows.length, End: rows.length };
    if (inList && steps[event.key]) { move(steps[event.key]); event.preventDefault(); return; }
    if (inList && event.key === "Enter") { explorer.classList.add("open"); viewer.querySelector('[aria-current="step"]')?.focus(); return; }
    const scrolls = event.target.closest(".code, .said");
    if (scrolls && scrolls.scrollWidth > scrolls.clientWidth) return;
    if (event.key === "ArrowLeft" && turn > 0) { turn--; view(); event.preventDefault(); }
    if (event.key === "ArrowRight" && chosen >= 0 && turn < rows[chosen].n) { turn++; view(); event.preventDefault(); }
  });

  (async () => {
    rows = await unpack("index");
    fill("f-run", "All runs", runs.map((name, i) => [i, name]).filter(([i]) => rows.some((row) => row.r === i)));
    fill("f-result", "All results", counted("v").map(([v, n]) => [v, `${verdicts[v]} (${n})`]));
    fill("f-exit", "All endings", counted("x").map(([x, n]) => [x, `${endings[x] || x} (${n})`]));
    fill("f-kind", "All failures", counted("f").filter(([f]) => f).map(([f, n]) => [f, `${f} (${n})`]));
    for (const [value, [text]] of Object.entries(orders)) option($("f-sort"), value, text);
    $("f-sort").addEventListener("change", () => filter());
    const wanted = /^#episode-(\d+)(?:\/(\d+))?$/.exec(location.hash);
    await filter(true);
    if (wanted && +wanted[1] < rows.length) {
      await choose(+wanted[1], true);
      if (wanted[2] !== undefined) { turn = +wanted[2]; await view(); }
      explorer.scrollIntoView();
    }
    root.dataset.ready = "true";
  })();
})();
