"""Opens a report in headless Chromium and uses it by keyboard alone, in both themes, wide and on a phone.

    python3 check_report.py CHROMIUM report.html [FOLDER for screenshots]

Needs the package playwright and some Chromium. Prints one JSON object; "problems" is empty when all is well.
"""

import json
import sys
import time

from playwright.sync_api import sync_playwright

chromium, report = sys.argv[1], sys.argv[2]
shots = sys.argv[3] if len(sys.argv) > 3 else None
problems = []
opening = []

CONTRAST = """() => {
  const parse = (text) => { const n = text.match(/[\\d.]+/g).map(Number); return text.startsWith("color(") ? n.slice(0, 3).map((x) => 255 * x).concat(n[3] ?? 1) : [n[0], n[1], n[2], n[3] ?? 1]; };
  const over = (a, b) => [0, 1, 2].map((i) => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const ground = (e) => { const layers = []; for (; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255, 1]); };
  const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const poor = new Map();
  for (const e of document.querySelectorAll("body *")) {
    if (e.closest("svg") || e.closest(".bar, .forest") || !e.offsetParent || e.disabled) continue;
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
    if (["SCRIPT", "STYLE", "OPTION"].includes(e.tagName)) continue;
    const below = ground(e), ink = over(parse(getComputedStyle(e).color), below);
    const [a, b] = [light(ink), light(below)].sort((x, y) => y - x);
    const ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) poor.set(e.tagName + "." + e.className, ratio.toFixed(2));
  }
  return [...poor].map(([name, ratio]) => name + " " + ratio);
}"""


def expect(holds, what):
    if not holds:
        problems.append(what)


def eventually(condition, what):
    """Pages answer after a moment, on a busy machine after a longer one."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    problems.append(what)


def use(browser, theme, width, height):
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
    page = context.new_page()
    place = f"{theme}, {width} wide"
    page.on("pageerror", lambda error: problems.append(f"{place}: {error}"))
    page.on("console", lambda message: message.type == "error" and problems.append(f"{place}: {message.text}"))
    page.on("request", lambda request: request.url.startswith("file:") or problems.append(f"{place}: asks for {request.url[:60]}"))
    start = time.monotonic()
    page.goto("file://" + report)
    page.wait_for_function("document.documentElement.dataset.ready === 'true'", timeout=20_000)
    opening.append(time.monotonic() - start)
    expect(page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{place}: the page is wider than the screen")
    expect(page.locator(".row").count() > 3, f"{place}: no episodes are listed")
    for poor in page.evaluate(CONTRAST):
        problems.append(f"{place}: too little contrast: {poor}")
    if shots:
        page.screenshot(path=f"{shots}/{theme}-{width}.png", full_page=True)

    current = lambda: page.locator('[aria-current="step"]').text_content()
    chosen = lambda: page.evaluate("document.querySelector('#list').getAttribute('aria-activedescendant')")
    count = lambda: page.locator("#count").inner_text()

    # By keyboard alone: everything is reached with Tab, the list with arrows, the turns with arrows.
    page.keyboard.press("/")
    expect(page.evaluate("document.activeElement.id") == "search", f"{place}: / does not reach the search")
    page.keyboard.press("Enter")
    expect(page.evaluate("document.activeElement.id") == "list", f"{place}: Enter does not reach the list")
    first = chosen()
    page.keyboard.press("ArrowDown")
    eventually(lambda: chosen() != first, f"{place}: the arrow does not choose the next episode")
    page.keyboard.press("End")
    eventually(
        lambda: page.evaluate("(() => { const list = document.querySelector('#list'); "
                              "return list.scrollTop + list.clientHeight >= list.scrollHeight - 2; })()"),
        f"{place}: End does not reach the last episode")
    if width > 860:
        eventually(lambda: page.locator('[aria-current="step"]').count() == 1, f"{place}: no turn is shown")
        page.wait_for_timeout(500)  # the last episode is unpacked, and takes the place of the one before
        before = current()
        page.keyboard.press("ArrowLeft")
        eventually(lambda: current() != before, f"{place}: the arrow does not go back a turn")
        page.keyboard.press("ArrowRight")
        eventually(lambda: current() == before, f"{place}: the arrow does not go forward a turn")
    else:
        page.keyboard.press("Enter")
        eventually(lambda: page.locator(".viewer .back").is_visible(), f"{place}: Enter does not open the episode")
        if shots:
            page.locator("#explorer").screenshot(path=f"{shots}/{theme}-{width}-episode.png")
        page.keyboard.press("Escape")
        eventually(lambda: page.locator("#list").is_visible(), f"{place}: Escape does not lead back to the list")
    everything = count()
    page.keyboard.press("/")
    page.keyboard.type("value_2 task-1")
    eventually(lambda: " of " in count() and count() != everything, f"{place}: the search finds nothing, or all: {count()}")
    expect(not count().startswith("0 "), f"{place}: the search finds nothing")
    page.keyboard.press("Escape")
    eventually(lambda: count() == everything, f"{place}: Escape does not clear the search")
    if theme == "light":
        reached = set()
        page.evaluate("document.activeElement.blur()")
        for _ in range(250):
            page.keyboard.press("Tab")
            here = page.evaluate("document.activeElement.id || document.activeElement.getAttribute('class') || ''")
            reached.add(here)
        for wanted in ["theme", "search", "f-result", "f-sort", "list"] + (["said", "code"] if width > 860 else []):
            expect(wanted in reached, f"{place}: Tab does not reach {wanted}")
    page.evaluate("document.activeElement.blur()")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    expect(ground != page.evaluate("getComputedStyle(document.body).backgroundColor"), f"{place}: T does not switch the theme")
    for poor in page.evaluate(CONTRAST):
        problems.append(f"{place}, switched: too little contrast: {poor}")
    if shots and theme == "dark" and width > 860:
        page.emulate_media(media="print")
        page.screenshot(path=f"{shots}/print.png", full_page=True)
        expect(page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)", "paper is not white")
    context.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for theme in ["light", "dark"]:
        for width, height in [(1280, 900), (390, 844)]:
            use(browser, theme, width, height)
    browser.close()
print(json.dumps({"problems": problems, "opening_seconds": opening}))
