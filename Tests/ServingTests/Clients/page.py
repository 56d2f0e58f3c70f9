"""Uses the page as a person does, in headless Chromium: page.py URL FOLDER-FOR-SCREENSHOTS. Exit code 0 when all is right."""

import os
import pathlib
import shutil
import sys

from playwright.sync_api import expect, sync_playwright

url, folder = sys.argv[1], pathlib.Path(sys.argv[2])
chromium = os.environ.get("COE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
if not chromium:
    print("no chromium")
    sys.exit(77)

CONTRAST = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (c) => { canvas.clearRect(0,0,1,1); canvas.fillStyle = c; canvas.fillRect(0,0,1,1); return [...canvas.getImageData(0,0,1,1).data]; };
  const light = ([r,g,b]) => { const f = [r,g,b].map(v => { v /= 255; return v <= .03928 ? v/12.92 : ((v+.055)/1.055)**2.4; }); return .2126*f[0]+.7152*f[1]+.0722*f[2]; };
  const bad = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || node.disabled || !node.offsetParent || node.closest('.visually-hidden, script, style')) continue;
    let ground = node, color = [0,0,0,0];
    while (ground && color[3] < 255) { color = rgba(getComputedStyle(ground).backgroundColor); ground = ground.parentElement; }
    const a = light(color), b = light(rgba(getComputedStyle(node).color));
    const ratio = (Math.max(a,b)+.05)/(Math.min(a,b)+.05);
    if (ratio < 4.5) bad.push(node.tagName + '#' + node.id + '.' + node.className + ' ' + ratio.toFixed(2));
  }
  return bad;
}"""

with sync_playwright() as play:
    browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 1000})
        requests, faults = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.goto(url)
        page.screenshot(path=folder / f"{scheme}-empty.png")
        page.get_by_role("button", name="Example").click()
        page.get_by_role("button", name="Repair").click()
        expect(page.get_by_role("status")).to_have_text("Repaired in 3 turns.", timeout=20_000)
        turns = page.locator("#turns button")
        expect(turns).to_have_count(4)
        expect(page.locator("#code")).to_contain_text("return price + tax")
        expect(page.locator("#diff .added")).to_have_text(["+# prices", "+    return price + tax"])
        expect(page.locator("#feedback")).to_have_text("All tests pass.")
        assert page.evaluate(CONTRAST) == [], page.evaluate(CONTRAST)
        page.screenshot(path=folder / f"{scheme}-repaired.png", full_page=True)

        # Back by the button, forward by the keyboard, to any turn by its own button.
        page.get_by_role("button", name="Step back").click()
        page.get_by_role("button", name="Step back").click()
        expect(page.locator("#place")).to_have_text("State 1 of 3")
        expect(page.locator("#feedback")).to_contain_text("Error:")
        expect(page.locator("#code")).to_contain_text("return price - tax")
        page.screenshot(path=folder / f"{scheme}-back.png", full_page=True)
        page.keyboard.press("Alt+ArrowRight")
        expect(page.locator("#place")).to_have_text("State 2 of 3")
        turns.nth(0).click()
        expect(page.locator("#shown")).to_have_text("Program as pasted")
        expect(turns.nth(0)).to_have_attribute("aria-current", "step")

        # What is pasted is text, never markup, and faults are sentences.
        page.locator("#program").fill("x = '<img src=x onerror=document.title=1>'\n")
        page.locator("#tests").fill("def (")
        page.get_by_role("button", name="Repair").click()
        expect(page.get_by_role("status")).to_contain_text("tests")
        page.locator("#tests").fill("assert x == '<b>'")
        page.get_by_role("button", name="Repair").click()
        expect(page.get_by_role("status")).to_contain_text("Not repaired in 8 attempts", timeout=20_000)
        expect(page.locator("#attempts button")).to_have_count(8)
        page.locator("#attempts button").nth(4).click()
        expect(page.locator("#attempts [aria-pressed=true]")).to_have_text("Attempt 5")
        assert page.evaluate(CONTRAST) == [], page.evaluate(CONTRAST)
        assert page.title() == "Chain-of-Edits" and page.locator("#result img").count() == 0

        # Everything can be reached by the keyboard, and has a name.
        names = page.evaluate(
            """() => [...document.querySelectorAll('button, input, textarea')].filter(e => e.offsetParent)
               .map(e => e.textContent.trim() || (e.labels && e.labels[0] && e.labels[0].textContent) || '')"""
        )
        assert all(names), names
        page.locator("#program").focus()
        page.keyboard.press("Escape")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "file"
        assert all(request.startswith(url) for request in requests), requests
        assert not faults, faults
        page.close()
    narrow = browser.new_page(viewport={"width": 390, "height": 800})
    narrow.goto(url)
    assert narrow.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"
    narrow.screenshot(path=folder / "narrow.png", full_page=True)
    browser.close()
print("the page works")
