"""The HTML report in a real browser: clicked, typed into, and read in the dark."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.differential.asm import START, data, declare_first, extern, func
from tests.support.toolchain import compile_object, make_archive
from wasmlink_tool.cli import main
from wasmlink_tool.size.html_page import html_page
from wasmlink_tool.size.size_report import ObjectEntry, Part, SizeReport, from_json

MAIN = func("_start", "() -> ()", "call work") + extern("work")
WORK = (
    func("work", "() -> ()", "call deep", "i32.const table", "drop")
    + extern("deep")
    + data("table", ".zero 5, 7", size=5)
)
DEEP = func("deep", "() -> ()", *["nop"] * 300)


def browser_path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium that is driven by selenium."""
    binary, driver = browser_path(), shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("needs chromium and chromedriver on the PATH (Debian: chromium-driver)")
    if importlib.util.find_spec("selenium") is None:
        pytest.skip("needs the selenium package")
    webdriver: Any = importlib.import_module("selenium.webdriver")
    service: Any = importlib.import_module("selenium.webdriver.chrome.service")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=service.Service(driver))
    found.execute_cdp_cmd("Network.enable", {})
    found.execute_cdp_cmd("Network.emulateNetworkConditions",
                          {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0})  # fmt: skip
    yield found
    found.quit()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``old.json``, ``new.html`` (compared with it) and ``new.json``."""
    directory = tmp_path_factory.mktemp("pages")
    for name, text in (("main", MAIN), ("work", WORK), ("deep", DEEP), ("lone", START)):
        (directory / f"{name}.o").write_bytes(compile_object(declare_first(text), ".s", directory / "cache"))
    make_archive(directory / "libdeep.a", ["work.o", "deep.o"])

    def link(*arguments: str) -> None:
        assert main(["-o", str(directory / "app.wasm"), *arguments]) == 0

    link(str(directory / "lone.o"), f"--size-report={directory / 'old.json'}")
    link(
        str(directory / "main.o"),
        str(directory / "libdeep.a"),
        f"--size-report={directory / 'new.html'}",
        f"--size-report={directory / 'new.json'}",
        f"--size-diff={directory / 'old.json'}",
    )
    return directory


def opened(browser: Any, page: Path, *, dark: bool = False, width: int = 1200) -> None:
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    wait_for(browser, "return document.documentElement.dataset.ready")


def wait_for(browser: Any, script: str) -> Any:
    for _ in range(100):
        if found := browser.execute_script(script):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{script}: {browser.get_log('browser')}")


def tiles(browser: Any) -> list[str]:
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('.tile')].map((tile) => tile.getAttribute('aria-label'))"
    )
    return found


def click_title(browser: Any, group: str) -> None:
    """Click where a group's name is: what is in it covers the rest."""
    action_chains: Any = importlib.import_module("selenium.webdriver").ActionChains
    tile = browser.find_element("css selector", f".tile[aria-label^='{group},']")
    width, height = tile.size["width"], tile.size["height"]
    action_chains(browser).move_to_element_with_offset(tile, 12 - width // 2, 9 - height // 2).click().perform()


def test_the_page_shows_every_byte(browser: Any, pages: Path) -> None:
    opened(browser, pages / "new.html")
    report = from_json((pages / "new.json").read_text())
    assert f"{report.size:,} bytes" in browser.find_element("id", "summary").text
    browser.find_element("id", "tab-table").click()
    rows = browser.find_elements("css selector", "#table tbody tr")
    assert len(rows) == len(report.parts)
    sizes = [int(row.find_elements("tag name", "td")[1].text.replace(",", "")) for row in rows]
    assert sum(sizes) == report.size
    assert sizes == sorted(sizes, reverse=True)
    assert browser.get_log("browser") == []


def test_a_click_on_a_part_shows_its_chain(browser: Any, pages: Path) -> None:
    opened(browser, pages / "new.html")
    browser.find_element("css selector", ".tile[aria-label^='deep,']").click()
    steps = [step.text.splitlines()[0] for step in browser.find_elements("css selector", "#chain li")]
    assert steps == ["_start", "work", "deep"]
    assert "libdeep.a(deep.o)" in browser.find_element("id", "details").text
    assert "null" not in browser.find_element("id", "details").text
    browser.find_elements("css selector", "#chain button")[1].click()
    assert browser.find_element("css selector", "#details h2").text == "work"
    retained = re.search(r"retained\s+([\d,]+)", browser.find_element("id", "details").text)
    assert retained is not None
    report = from_json((pages / "new.json").read_text())
    work = next(part for part in report.parts if part.name == "work")
    deep = next(part for part in report.parts if part.name == "deep")
    assert int(retained[1].replace(",", "")) == work.retained
    assert work.retained > work.size + deep.size


def test_groups_open_by_clicks_and_by_keys(browser: Any, pages: Path) -> None:
    keys: Any = importlib.import_module("selenium.webdriver.common.keys").Keys
    opened(browser, pages / "new.html")
    click_title(browser, "libdeep.a")
    assert any(label.startswith("deep.o,") for label in tiles(browser))
    assert not any(label.startswith("main.o,") for label in tiles(browser))
    browser.switch_to.active_element.send_keys(keys.ESCAPE)
    assert any(label.startswith("main.o,") for label in tiles(browser))
    focused = browser.switch_to.active_element
    assert focused.get_attribute("aria-label").startswith("libdeep.a,")
    focused.send_keys(keys.ARROW_DOWN)
    below = browser.switch_to.active_element
    assert below != focused
    assert "tile" in below.get_attribute("class")
    below.send_keys(keys.ENTER)
    assert browser.find_element("css selector", "#details h2").text


@pytest.mark.parametrize("grouping", ["library", "section", "kind", "runtime"])
def test_each_grouping_has_all_bytes(browser: Any, pages: Path, grouping: str) -> None:
    opened(browser, pages / "new.html")
    browser.find_element("css selector", f"#grouping option[value='{grouping}']").click()
    report = from_json((pages / "new.json").read_text())
    assert f"{report.size:,} bytes" in browser.find_element("id", "path").text
    if grouping == "section":
        click_title(browser, "CODE")
        code = sum(part.sizes.get("CODE", 0) for part in report.parts)
        assert f"CODE: {code:,} bytes" in browser.find_element("id", "path").text


def test_search_and_sorting(browser: Any, pages: Path) -> None:
    opened(browser, pages / "new.html")
    browser.find_element("tag name", "body").send_keys("/")
    browser.switch_to.active_element.send_keys("deep.o")
    wait_for(browser, "return document.getElementById('summary').textContent.includes('found')")
    dim = browser.find_elements("css selector", ".tile.dim[aria-label^='work,']")
    assert dim
    assert not browser.find_elements("css selector", ".tile.dim[aria-label^='deep,']")
    browser.find_element("id", "tab-table").click()
    names = [
        row.find_element("tag name", "td").text for row in browser.find_elements("css selector", "#table tbody tr")
    ]
    assert "deep" in names
    assert "work" not in names
    browser.find_elements("css selector", "#table thead button")[0].click()
    names = [
        row.find_element("tag name", "td").text for row in browser.find_elements("css selector", "#table tbody tr")
    ]
    assert names == sorted(names)
    header = browser.find_element("css selector", "#table thead th")
    assert header.get_attribute("aria-sort") == "ascending"


def test_the_difference_view(browser: Any, pages: Path) -> None:
    opened(browser, pages / "new.html")
    browser.find_element("id", "tab-changes").click()
    rows = [row.text for row in browser.find_elements("css selector", "#changes tbody tr")]
    old, new = (from_json((pages / name).read_text()) for name in ("old.json", "new.json"))
    changes = [row.split()[0] for row in rows]
    total = sum(int(change.replace(",", "").replace("\N{MINUS SIGN}", "-")) for change in changes)
    assert total == new.size - old.size
    assert any("libdeep.a(work.o) (new)" in row and "called first by _start" in row for row in rows)


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast that WCAG 2 defines."""

    def luminance(color: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in color)]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 400])
def test_text_can_be_read(browser: Any, pages: Path, dark: bool, width: int) -> None:
    opened(browser, pages / "new.html", dark=dark, width=width)
    browser.find_element("css selector", ".tile[aria-label^='deep,']").click()
    script = """
      const color = (node, name) => getComputedStyle(node)[name].match(/[\\d.]+/g).slice(0, 4).map(Number);
      const back = (node) => {
        for (; node; node = node.parentElement) {
          const found = color(node, "backgroundColor");
          if (found.length < 4 || found[3] > 0) return found;
        }
        return [255, 255, 255];
      };
      const texts = "h1, #summary, .tile span, #details h2, #details p, #details dt, small, [role=tab]";
      return [...document.querySelectorAll(texts)]
        .map((node) => [node.textContent, color(node, "color").slice(0, 3), back(node).slice(0, 3)]);
    """
    found = browser.execute_script(script)
    assert len(found) > 10
    for text, front, back in found:
        assert contrast(tuple(front), tuple(back)) >= 4.5, (text, front, back)
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background)[:3])) < 200) == dark
    assert browser.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")


def test_the_page_asks_for_nothing(pages: Path) -> None:
    text = (pages / "new.html").read_text()
    assert not re.search(r"(?:src|href)=|url\(|https?://|fetch\(|XMLHttpRequest|import\(", text)
    assert "default-src 'none'" in text


def test_script_parses_without_a_browser(pages: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    script = re.search(r"<script>\n(.*)</script>", (pages / "new.html").read_text(), flags=re.S)
    assert script is not None
    (tmp_path / "page.js").write_text(script[1])
    subprocess.run([node, "--check", str(tmp_path / "page.js")], check=True)


def large_report(count: int) -> SizeReport:
    """Return a report like that of a module of 10 MB: C++ names, long and similar, and a cause for each."""
    objects = [
        ObjectEntry(f"lib{i % 30}.a(file{i}.cpp.o)", f"build/lib{i % 30}.a", f"file{i}.cpp.o") for i in range(900)
    ]
    parts = []
    for i in range(count):
        name = f"ns{i % 70}::Class{i * 7919 % 9973}<std::vector<int>, {i}>::method{i * 31 % 523}(std::string const&)"
        symbol = (
            f"_ZN4ns{i % 70}7Class{i * 7919 % 9973}ISt6vectorIiELi{i}EE8method{i * 31 % 523}ERKNSt3__212basic_stringE"
        )
        part = Part("function", name, symbol, object=i * 13 % 900, source=i % 400)
        part.sizes = {"CODE": 20 + i * 37 % 400, "name": len(name), "FUNCTION": 1}
        part.retained, part.cause, part.reason = i * 17 % 9000, i // 2 - 1, "call"
        part.line = f"src/dir{i % 40}/file{i % 400}.cpp:{i % 3000}"
        parts.append(part)
    report = SizeReport(
        "large.wasm", sum(part.size for part in parts), [], objects, [f"src/{i}.cpp" for i in range(400)], parts
    )
    report.sections = [(name, sum(p.sizes[name] for p in parts)) for name in ("CODE", "name", "FUNCTION")]
    return report


def test_a_large_module_has_a_small_page(browser: Any, tmp_path: Path) -> None:
    report = large_report(40_000)
    assert report.size > 10_000_000
    page = html_page(report)
    assert len(page.encode()) < 2_000_000
    (tmp_path / "large.html").write_text(page)
    opened(browser, tmp_path / "large.html")
    assert f"{report.size:,} bytes" in browser.find_element("id", "path").text


def test_hostile_names_are_text(browser: Any, tmp_path: Path) -> None:
    name = "</script><img src=x onerror=document.title=1>@DATA@"
    report = SizeReport(name, 5, [("CODE", 5)], [], [], [Part("function", name, sizes={"CODE": 5})], linked=False)
    (tmp_path / "hostile.html").write_text(html_page(report))
    opened(browser, tmp_path / "hostile.html")
    assert name in browser.find_element("id", "map").text
    assert not browser.find_elements("tag name", "img")


def test_json_survives_reading(pages: Path) -> None:
    text = (pages / "new.json").read_text()
    value = json.loads(text)
    assert value["size"] == sum(part["size"] for part in value["parts"])
    assert [part["size"] for part in value["parts"]] == [part.size for part in from_json(text).parts]
