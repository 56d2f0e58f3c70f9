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

  // The horizontal axis of a section's curves; a card without the pressed one keeps its first.
  for (const axes of document.querySelectorAll(".axes")) {
    const section = axes.closest("section");
    const buttons = [...axes.querySelectorAll("[data-axis]")];
    for (const button of buttons) {
      button.addEventListener("click", () => {
        hideTip();
        for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
        for (const card of section.querySelectorAll(".card")) {
          const charts = [...card.querySelectorAll(".chart[data-axis]")];
          const wanted = charts.find((chart) => chart.dataset.axis === button.dataset.axis) || charts[0];
          for (const chart of charts) chart.toggleAttribute("hidden", chart !== wanted);
        }
      });
    }
  }

  // Tables that are wider than the screen are scrolled by keyboard too.
  const scrollable = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const isWide = target.scrollWidth > target.clientWidth;
      const name = target.closest("section")?.querySelector("h2")?.textContent || "Table";
      for (const [attribute, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", `${name}, table`]])
        if (isWide) target.setAttribute(attribute, value); else target.removeAttribute(attribute);
    }
  });
  document.querySelectorAll(".scroll").forEach((element) => scrollable.observe(element));

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
  let rows = [], shown = [], chosen = -1, texts = null;
  // What the viewer shows: an episode, or two of one task side by side, each at a turn of its own.
  let panes = [];

  // Runs side by side: which episodes each has of a task, and of a filter by pairs of runs, what stands beside each.
  const played = new Map();
  let partners = new Map();
  const key = (run, task) => `${run} ${task}`;
  const twin = (number, run) => {
    const others = played.get(key(run, rows[number].t)) || [];
    return others.find((other) => rows[other].s === rows[number].s) ?? others[0];
  };
  // The tasks that run a solved and run b played without solving: a's first solved episode, and b's beside it.
  const solvedOnly = (a, b) => {
    const found = new Map();
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i];
      if (row.r !== a || row.v !== 2 || i !== played.get(key(a, row.t)).find((other) => rows[other].v === 2)) continue;
      const others = played.get(key(b, row.t));
      if (others && others.every((other) => rows[other].v !== 2)) found.set(i, twin(i, b));
    }
    return found;
  };
  const pairs = () => {
    const held = runs.map((_, i) => i).filter((i) => rows.some((row) => row.r === i));
    const all = held.flatMap((a) => held.filter((b) => a !== b).map((b) => [a, b]));
    return held.length <= 3 ? all : all.filter((pair) => pair.includes(held[0]));
  };
  const swatch = (run) => make("i", { class: "swatch", "--c": `var(--c${run % 8})`, title: runs[run] });

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
          runs.length > 1 ? swatch(row.r) : null, `#${row.s}`,
          partners.has(shown[i]) ? [" beside ", swatch(rows[partners.get(shown[i])].r), `#${rows[partners.get(shown[i])].s}`] : null,
          row.f ? ` · ${row.f}` : "", row.k ? ` · ${row.k} tokens` : "", ` · ${endings[row.x] || row.x}`));
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
    const pair = /^(\d+)>(\d+)$/.exec($("f-result").value);
    const hadPair = partners.size > 0;
    partners = pair ? solvedOnly(+pair[1], +pair[2]) : new Map();
    $("f-run").disabled = pair !== null;
    const run = pair ? "" : $("f-run").value, result = pair ? "" : $("f-result").value, exit = $("f-exit").value, kind = $("f-kind").value;
    shown = [];
    rows.forEach((row, i) => {
      if (pair && !partners.has(i)) return;
      if (run !== "" && row.r !== +run) return;
      if (result !== "" && row.v !== +result) return;
      if (exit && row.x !== exit) return;
      if (kind && row.f !== kind) return;
      if (words.length && !words.every((word) => all[i].includes(word) || all[partners.get(i)]?.includes(word))) return;
      shown.push(i);
    });
    const compare = orders[$("f-sort").value || "order"][1];
    if (compare) shown.sort((a, b) => compare(rows[a], rows[b]) || a - b);
    const solved = shown.filter((i) => rows[i].v === 2).length;
    const common = pair && new Set(rows.filter((row) => row.r === +pair[1] && played.has(key(+pair[2], row.t))).map((row) => row.t)).size;
    $("count").textContent = pair ? `${shown.length.toLocaleString("en")} of ${common.toLocaleString("en")} tasks that both played` : `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} · ${solved.toLocaleString("en")} solved`;
    if (!keep) list.scrollTop = 0;
    draw();
    if (!shown.includes(chosen) || hadPair !== (pair !== null) || partners.has(chosen) && panes[1]?.number !== partners.get(chosen)) {
      if (shown.length) choose(shown.includes(chosen) ? chosen : shown[0], false);
      else { chosen = -1; panes = []; ticket++; viewer.replaceChildren(make("p", { class: "empty" }, "No episode matches.")); }
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

  // Python in colours: the kind of each character, by its token; all that is no word, number, string or comment has none.
  const kinds = [null, "comment", "string", "number", "keyword", "name"];
  const prefix = "(?:[rR][bBfFtT]|[bBfFtT][rR]|[rRuUbBfFtT])?";
  // A string that is not closed ends with its line; a replacement field of an f-string may hold the string's own quotes.
  const quoted = (quote, inside = "") => String.raw`${quote}(?:${inside}\\(?:\r\n|[^])|[^${quote}\\\r\n])*${quote}?`;
  const tripled = (quote) => String.raw`${quote}{3}(?:[^${quote}\\]|\\[^]|${quote}(?!${quote}{2}))*(?:${quote}{3})?`;
  const field = String.raw`\{\{|\{(?:[^{}"'\r\n]|"[^"\r\n]*"|'[^'\r\n]*')*\}|`;
  const tokens = new RegExp([
    String.raw`(?<comment>#[^\r\n]*)`,
    `(?<string>${prefix}(?:${tripled('"')}|${tripled("'")})|(?:[fFtT][rR]?|[rR][fFtT])(?:${quoted('"', field)}|${quoted("'", field)})`
      + `|${prefix}(?:${quoted('"')}|${quoted("'")}))`,
    String.raw`(?<number>0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+\-]?\d[\d_]*)?[jJ]?)`,
    String.raw`(?<word>[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*)`,
  ].join("|"), "gu");
  const keywords = new Set(("False None True and as assert async await break class continue def del elif else except finally for from "
    + "global if import in is lambda nonlocal not or pass raise return try while with yield").split(" "));
  const pythonKinds = (text, from = 0, to = text.length, found = new Uint8Array(text.length)) => {
    let before = "";
    for (const { 0: token, index, groups } of text.slice(from, to).matchAll(tokens)) {
      const kind = groups.word === undefined ? kinds.findIndex((name) => name && groups[name] !== undefined)
        : keywords.has(token) ? 4 : before === "def" || before === "class" ? 5 : 0;
      before = token;
      found.fill(kind, from + index, from + index + token.length);
    }
    return found;
  };
  // What a model wrote for the tool python: commands, whose content is Python behind >>>, or answers with fenced blocks.
  const writtenKinds = (text, isCommand) => {
    const form = isCommand ? /^(### [A-Z]+(?: \d+(?: >>>)?)?)(.*)$/gm : /^([ \t]*```[ \t]*(?:python3?|py)?[ \t]*\r?\n)([^]*?)(?:^[ \t]*```|(?![^]))/gim;
    const parts = [...text.matchAll(form)];
    if (!isCommand && !text.includes("```")) return pythonKinds(text);
    const found = new Uint8Array(text.length);
    for (const { 1: head, 2: content, index } of parts) {
      const start = index + head.length, end = start + content.length;
      // The old and the new string of REPW stand on their own.
      const middle = head.startsWith("### REPW") ? content.indexOf(" >>>") : -1;
      if (isCommand) found.fill(4, index, index + 8);
      pythonKinds(text, start, middle < 0 ? end : start + middle, found);
      if (middle >= 0) pythonKinds(text, start + middle + 4, end, found);
    }
    return found;
  };
  // A part of a text, each run of one kind in its colour.
  const painted = (text, found, from = 0, to = text.length) => {
    if (!found) return [text.slice(from, to)];
    const nodes = [];
    for (let end; from < to; from = end) {
      for (end = from + 1; end < to && found[end] === found[from];) end++;
      const part = text.slice(from, end);
      nodes.push(found[from] ? make("span", { class: `py-${kinds[found[from]]}` }, part) : part);
    }
    return nodes;
  };
  const lineStarts = (text) => [0, ...[...text.matchAll(/\r\n|\n|\r/g)].map((end) => end.index + end[0].length)];

  const diff = (before, after, isPython, label = "State") => {
    const pre = make("pre");
    const sides = [before, after].map((text) => ({ text, found: isPython ? pythonKinds(text) : null, starts: lineStarts(text) }));
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
      const side = sides[sign === "-" ? 0 : 1], first = side.starts[(sign === "-" ? old : now) - 1];
      const part = (from, to) => painted(side.text, side.found, first + from, first + to);
      let content = part(0, text.length);
      if (partner.has(index)) {
        const other = lines[partner.get(index)][3];
        let start = 0, end = 0;
        while (start < Math.min(text.length, other.length) && text[start] === other[start]) start++;
        while (end < Math.min(text.length, other.length) - start && text.at(-1 - end) === other.at(-1 - end)) end++;
        content = [part(0, start), make("mark", {}, part(start, text.length - end)), part(text.length - end, text.length)].flat();
      }
      pre.append(make("div", { class: sign === "+" ? "ln add" : sign === "-" ? "ln del" : "ln" },
        make("span", {}, old ?? ""), make("span", {}, now ?? ""), make("span", { "aria-label": sign === "+" ? "added" : sign === "-" ? "removed" : null }, sign), make("span", {}, content)));
    });
    if (!lines.length) pre.append(make("div", { class: "ln" }, make("span"), make("span"), make("span"), make("span", {}, "(empty)")));
    return make("div", { class: "code", tabindex: "0", role: "group", "aria-label": label }, pre);
  };

  const signed = (value, places) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(places);
  const unsure = (thousandths) => (1 - Math.exp(thousandths / 1000)).toFixed(3);
  const said = (u, isPython, isCommand, of) => {
    const pre = make("pre");
    const tokens = [];
    const kindsOf = (text) => isPython ? writtenKinds(text, isCommand) : null;
    let rest = u.x;
    if (u.l.length && u.q.length === u.l.length) {
      const found = kindsOf(u.k);
      let place = 0;
      u.l.forEach((length, i) => { tokens.push([u.k.slice(place, place + length), u.q[i], place]); place += length; });
      for (const [text, q, start] of tokens) {
        const p = Math.exp(q / 1000);
        // A line feed ends a command; it is shown, since it was chosen like the others.
        pre.append(make("span", { class: "tok", "--u": unsure(q), title: `p = ${p >= 0.9995 ? "1.000" : p.toFixed(3)}, log-probability ${signed(q / 1000, 3)}` }, text === "" ? "∅" : text === "\n" ? "⏎\n" : painted(u.k, found, start, start + text.length)));
      }
      rest = null;
    }
    if (rest !== null) pre.append(...(rest === "" ? ["(nothing)"] : painted(rest, kindsOf(rest))));
    const box = make("div", { class: "said", tabindex: "0", role: "group", "aria-label": `What the model wrote${of}` }, pre);
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
  const chip = (text, kind = "") => make("span", { class: `chip ${kind}` }, text);

  // An episode at its pane's turn: what it is, and what stood then. `of` names the run where two are side by side.
  const drawn = (pane, episode, isPython, of) => {
    const row = rows[pane.number], heading = of ? "h5" : "h4";
    // What was true after each turn; turn 0 is the start.
    const states = [{ p: episode.p, j: episode.j }];
    for (const u of episode.u) states.push({ p: u.p ?? states.at(-1).p, j: u.j ?? states.at(-1).j });
    const turn = pane.turn = Math.max(0, Math.min(pane.turn, episode.u.length));
    const u = turn > 0 ? episode.u[turn - 1] : null;
    const state = states[turn];
    const [, kind] = marks[row.v];
    const reward = episode.u.reduce((sum, u) => sum + u.w, 0);
    const go = (to) => { pane.turn = to; view(); };
    const since = (start) => { pane.fromStart = start; view(); };

    const about = [
      make("div", { class: "chips" }, chip(verdicts[row.v], kind), chip(endings[row.x] || row.x), chip(`sample ${row.s}`),
        runs.length > 1 && !of ? make("span", { class: "chip" }, swatch(row.r), runs[row.r]) : null,
        chip(row.n === 1 ? "1 turn" : `${row.n} turns`), row.k ? chip(`${row.k.toLocaleString("en")} tokens`) : null, chip(`${episode.s.toFixed(1)} s`),
        chip(`reward ${signed(reward, 1)}`),
        episode.z ? chip(`${episode.z[0]} command${episode.z[0] === 1 ? "" : "s"} from start to end, ${episode.z[1]} needed`, episode.z[0] > episode.z[1] ? "half" : "") : null,
        chip(`seed ${episode.g}`)),
      episode.e ? make("p", { class: "problem" }, episode.e) : null,
    ];

    const steps = make("div", { class: "steps", role: "group", "aria-label": `Turns${of}` },
      make("button", { class: "small-button", type: "button", disabled: turn === 0, "aria-label": `Turn before${of}`, onclick: () => go(turn - 1) }, "←"),
      states.map((s, i) => make("button", { type: "button", class: "step" + (s.j?.v === 2 ? " pass" : s.j?.v === 1 ? " half" : i > 0 && episode.u[i - 1].e ? " err" : ""),
        "aria-current": i === turn ? "step" : null, onclick: () => go(i),
        "aria-label": `${i === 0 ? "Start" : `Turn ${i}`}${of}: ${s.j?.v === 2 ? "passes" : s.j?.v === 1 ? "fails hidden checks" : i > 0 && episode.u[i - 1].e ? "not carried out" : "fails"}` }, i === 0 ? "start" : String(i))),
      make("button", { class: "small-button", type: "button", disabled: turn === episode.u.length, "aria-label": `Next turn${of}`, onclick: () => go(turn + 1) }, "→"));
    const then = [steps];
    if (u) {
      then.push(make(heading, {}, episode.c ? "Command" : "Answer",
        u.w ? make("span", { class: "chip reward " + (u.w > 0 ? "ok" : "no") }, `reward ${signed(u.w, 1)}`) : null),
        ...said(u, isPython, episode.c, of));
      if (u.e) then.push(make("p", { class: "problem" }, u.e));
    }
    const toggle = turn > 1 ? make("span", { class: "toggle", role: "group", "aria-label": `Changes shown${of}` },
      make("button", { type: "button", "aria-pressed": String(!pane.fromStart), onclick: () => since(false) }, "this turn"),
      make("button", { type: "button", "aria-pressed": String(pane.fromStart), onclick: () => since(true) }, "since the start")) : null;
    then.push(make(heading, {}, "State", toggle),
      diff(turn === 0 ? state.p : pane.fromStart ? episode.p : states[turn - 1].p, state.p, isPython, `State${of}`));
    if (state.j) {
      then.push(make(heading, {}, state.j.t.length ? "Checks" : "Verdict", " ", chip(`progress ${(state.j.g / 10).toFixed(0)} %`)), ...checks(state.j, episode.j));
    }
    if (u?.b) then.push(make("details", {}, make("summary", {}, "Feedback as the model read it"), make("pre", { class: "feedback" }, u.b)));
    return [about, then];
  };

  // Buttons that open the same task's episode of another run beside this one.
  const others = () => {
    const shownRuns = panes.map((pane) => rows[pane.number].r);
    const buttons = runs.map((name, run) => {
      const other = shownRuns.includes(run) ? undefined : twin(panes[0].number, run);
      return other === undefined ? null : make("button", { class: "small-button", type: "button", onclick: () => show(panes[0], atEnd(other)) },
        "beside: ", swatch(run), name);
    }).filter(Boolean);
    return buttons.length ? make("div", { class: "others", role: "group", "aria-label": "Other runs" }, buttons) : null;
  };

  // One of two side by side: its run, its other samples, and a way to see it alone.
  const column = (pane, about, then) => {
    const row = rows[pane.number], name = runs[row.r];
    const samples = played.get(key(row.r, row.t));
    const select = samples.length < 2 ? null : make("select", { "aria-label": `Sample of ${name}`,
      onchange: (event) => { Object.assign(pane, atEnd(+event.target.value)); view(); } },
      samples.map((number) => make("option", { value: number, selected: number === pane.number }, `#${rows[number].s} ${verdicts[rows[number].v]}`)));
    return make("div", { class: "pane", role: "group", "aria-label": `Episode of ${name}` },
      make("h4", {}, swatch(row.r), make("span", {}, name), select,
        make("button", { class: "small-button", type: "button", "aria-label": `Only ${name}`, onclick: () => { chosen = pane.number; draw(); show(pane); } }, "only this")),
      about, then);
  };

  const view = async () => {
    const mine = ++ticket;
    let episodes, descriptions;
    try { [descriptions, ...episodes] = await Promise.all([unpack("tasks"), ...panes.map((pane) => whole(pane.number))]); } catch (error) {
      viewer.replaceChildren(make("p", { class: "problem" }, `This browser can't unpack the episode: ${error.message}. It needs DecompressionStream (2023 or newer).`));
      return;
    }
    if (mine !== ticket) return;
    const id = rows[panes[0].number].t, task = descriptions[id];
    // The tool's name stands only where it is not the standard one, as in task files.
    const isPython = (task?.l ?? "python") === "python";
    const prompt = task?.p ? make("p", { class: "prompt" }, task.p) : null;
    const known = (episode) => task?.r ? make("details", {}, make("summary", {}, "Known solution"), diff(episode.p, task.r, isPython, "Known solution")) : null;
    const two = panes.length > 1;
    const all = panes.map((pane, i) => drawn(pane, episodes[i], isPython, two ? ` of ${runs[rows[pane.number].r]}` : ""));
    const parts = [
      make("button", { class: "small-button back", type: "button", onclick: () => { explorer.classList.remove("open"); list.focus(); } }, "← Episodes"),
      make("h3", {}, id),
      ...(two ? [prompt, known(episodes[0]), others(), make("div", { class: "panes" }, all.map(([about, then], i) => column(panes[i], about, then)))]
        : [...all[0][0], others(), prompt, known(episodes[0]), ...all[0][1]]),
    ];
    const label = (element) => element.getAttribute("aria-label") || element.textContent;
    const held = viewer.contains(document.activeElement) ? document.activeElement : null;
    const at = held?.closest(".pane") ? [...viewer.querySelectorAll(".pane")].indexOf(held.closest(".pane")) : 0;
    explorer.classList.toggle("beside", two);
    viewer.replaceChildren(...parts.filter(Boolean));
    if (held) {
      // The focus stays on what it was on; from a turn it follows to the one that is shown.
      const again = held.matches(".step") ? null
        : [...viewer.querySelectorAll("button, select, summary, [tabindex]")].find((e) => label(e) === label(held) && !e.disabled);
      const now = viewer.querySelectorAll('[aria-current="step"]');
      (again || now[at] || now[0])?.focus();
    }
    try { history.replaceState(null, "", "#episode-" + panes.map((pane) => `${pane.number}/${pane.turn}`).join("+")); } catch { /* a page from a file may not */ }
  };

  // The last turn shows what came of it; the one that solves it is the most telling.
  const atEnd = (number) => ({ number, turn: rows[number].n, fromStart: false });
  const show = (...now) => { panes = now; return view(); };
  // Steps all that is shown; whether any had a turn to go to.
  const step = (by) => {
    const before = panes.map((pane) => pane.turn).join();
    for (const pane of panes) pane.turn = Math.max(0, Math.min(rows[pane.number].n, pane.turn + by));
    if (panes.map((pane) => pane.turn).join() === before) return false;
    view();
    return true;
  };

  // Chooses an episode; `other` stands beside it: by default what a filter by pairs says.
  const choose = (number, open, other = partners.get(number)) => {
    if (number !== chosen) viewer.scrollTop = 0;
    chosen = number;
    const place = shown.indexOf(number) * rowHeight;
    if (place >= 0 && place < list.scrollTop) list.scrollTop = place;
    if (place + rowHeight > list.scrollTop + list.clientHeight) list.scrollTop = place + rowHeight - list.clientHeight;
    draw();
    if (open && !explorer.classList.contains("open")) {
      explorer.classList.add("open");
      // On a phone the viewer takes the list's place.
      if (!list.offsetParent) explorer.scrollIntoView({ block: "start" });
    }
    return show(atEnd(number), ...(other === undefined ? [] : [atEnd(other)]));
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
    if ((event.key === "ArrowLeft" && step(-1)) || (event.key === "ArrowRight" && step(1))) event.preventDefault();
  });

  (async () => {
    rows = await unpack("index");
    rows.forEach((row, i) => { const held = played.get(key(row.r, row.t)); if (held) held.push(i); else played.set(key(row.r, row.t), [i]); });
    fill("f-run", "All runs", runs.map((name, i) => [i, name]).filter(([i]) => rows.some((row) => row.r === i)));
    fill("f-result", "All results", counted("v").map(([v, n]) => [v, `${verdicts[v]} (${n})`]));
    const beside = pairs().filter(([a, b]) => rows.some((row) => row.r === a && played.has(key(b, row.t))));
    if (beside.length) {
      const group = make("optgroup", { label: "Side by side" });
      for (const [a, b] of beside) {
        const count = solvedOnly(a, b).size;
        group.append(make("option", { value: `${a}>${b}`, disabled: !count }, `Solved by ${runs[a]}, not by ${runs[b]} (${count})`));
      }
      $("f-result").append(group);
      explorer.classList.add("several");
    }
    fill("f-exit", "All endings", counted("x").map(([x, n]) => [x, `${endings[x] || x} (${n})`]));
    fill("f-kind", "All failures", counted("f").filter(([f]) => f).map(([f, n]) => [f, `${f} (${n})`]));
    for (const [value, [text]] of Object.entries(orders)) option($("f-sort"), value, text);
    $("f-sort").addEventListener("change", () => filter());
    const wanted = /^#episode-(\d+)(?:\/(\d+))?(?:\+(\d+)(?:\/(\d+))?)?$/.exec(location.hash);
    await filter(true);
    if (wanted && +wanted[1] < rows.length) {
      const other = rows[wanted[3]]?.t === rows[wanted[1]].t ? +wanted[3] : undefined;
      await choose(+wanted[1], true, other);
      panes.forEach((pane, i) => { pane.turn = +(wanted[2 * i + 2] ?? pane.turn); });
      await view();
      explorer.scrollIntoView();
    }
    root.dataset.ready = "true";
  })();
})();
