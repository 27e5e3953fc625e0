"use strict";
(async () => {
  const packed = Uint8Array.from(atob(document.getElementById("data").textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const report = await new Response(stream).json();
  const parts = report.parts;
  const count = parts.name.length;
  const byId = (id) => document.getElementById(id);
  const number = (n) => n.toLocaleString("en-US");
  const signed = (n) => (n > 0 ? "+" : n < 0 ? "\u2212" : "") + number(Math.abs(n));
  const size = parts.sizes.map((pairs) => {
    let sum = 0;
    for (let i = 1; i < pairs.length; i += 2) sum += pairs[i];
    return sum;
  });
  const objectName = (p) => (parts.object[p] < 0 ? "" : report.objects[parts.object[p]][0]);
  const libraryName = (p) =>
    parts.object[p] < 0 ? (report.linked ? "(linker)" : "(module)") : report.objects[parts.object[p]][1] || "(objects)";
  const memberName = (p) => {
    const [name, library] = report.objects[parts.object[p]];
    return library && name.startsWith(`${library}(`) ? name.slice(library.length + 1, -1) : name;
  };
  const sourceName = (p) => (parts.source[p] < 0 ? "" : report.sources[parts.source[p]]);
  const kindName = (p) => report.kinds[parts.kind[p]];
  const runtimeName = (p) => report.runtimes[parts.runtime[p]] || "the program";

  const isDebug = parts.kind.map((kind) => report.kinds[kind] === "debug");
  let shown = parts.kind.map(() => true);

  function make(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== false && value !== undefined) node.setAttribute(key, value === true ? "" : value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }

  // Search

  const haystack = [];
  for (let p = 0; p < count; p++) {
    haystack.push(`${parts.name[p]}\n${parts.symbol[p] || ""}\n${(parts.folded[p] || []).join("\n")}\n${objectName(p)}\n${sourceName(p)}`.toLowerCase());
  }
  let matches = null;
  function search(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    matches = words.length ? haystack.map((hay) => words.every((word) => hay.includes(word))) : null;
    summarize();
    drawMap();
    drawTable();
  }

  function summarize() {
    let text = `${number(report.size)} bytes`;
    if (report.changes) text += ` (${signed(report.changes.new - report.changes.old)} since the last report)`;
    if (matches) {
      let found = 0;
      let bytes = 0;
      for (let p = 0; p < count; p++) if (matches[p] && shown[p]) { found++; bytes += size[p]; }
      text += `; found ${number(found)} part${found === 1 ? "" : "s"} with ${number(bytes)} bytes, ${percent(bytes)}`;
    }
    byId("summary").textContent = text;
  }
  const children = (...nodes) => nodes.filter((node) => node !== null);
  const percent = (bytes) => `${((100 * bytes) / report.size).toFixed(1)} %`;

  // Groupings: from a part to the names of the groups that it is in; those by section take only the section's bytes

  function directories(path) {
    if (!path) return ["(unknown source)"];
    const clean = path.replace(/\\/g, "/").replace(/^\.\//, "");
    const cut = clean.lastIndexOf("/");
    return cut < 0 ? ["(current directory)", clean] : [clean.slice(0, cut) || "/", clean.slice(cut + 1)];
  }
  const owner = (p) => objectName(p) || (report.linked ? "(linker)" : "(module)");
  const GROUPINGS = {
    library: ["library, object", (p) => (parts.object[p] < 0 ? [libraryName(p)] : [libraryName(p), memberName(p)])],
    source: ["directory, source", (p) => directories(sourceName(p))],
    section: ["section, object", null],
    kind: ["kind, object", (p) => [kindName(p), owner(p)]],
    runtime: ["language runtime, object", (p) => [runtimeName(p), owner(p)]],
  };
  if (!report.objects.length) {
    delete GROUPINGS.library;
    delete GROUPINGS.runtime;
    GROUPINGS.kind = ["kind", (p) => [kindName(p)]];
    GROUPINGS.section = ["section", null];
  }
  if (!report.sources.length) delete GROUPINGS.source;

  class Group {
    constructor(name, parent) {
      this.name = name;
      this.parent = parent;
      this.size = 0;
      this.children = new Map();
      this.part = -1;
      this.found = false;
    }
    child(name, key = name) {
      let child = this.children.get(key);
      if (!child) this.children.set(key, (child = new Group(name, this)));
      return child;
    }
    get path() {
      return this.parent ? [...this.parent.path, this] : [this];
    }
  }

  function tree(grouping) {
    const root = new Group(report.module, null);
    const add = (names, p, bytes) => {
      let at = root;
      root.size += bytes;
      for (const name of names) {
        at = at.child(name);
        at.size += bytes;
      }
      const leaf = at.child(parts.name[p], p);
      leaf.part = p;
      leaf.size += bytes;
    };
    for (let p = 0; p < count; p++) {
      if (!shown[p]) continue;
      if (grouping === "section") {
        const pairs = parts.sizes[p];
        for (let i = 0; i < pairs.length; i += 2) {
          const section = report.sections[pairs[i]][0];
          add(report.objects.length ? [section, owner(p)] : [section], p, pairs[i + 1]);
        }
      } else add(GROUPINGS[grouping][1](p), p, size[p]);
    }
    return root;
  }

  // Treemap (squarified: rows whose tiles are as near to squares as they can be)

  function squarify(items, x, y, width, height) {
    const total = items.reduce((sum, item) => sum + item.size, 0);
    const placed = [];
    if (!total || width < 1 || height < 1) return placed;
    const scale = (width * height) / total;
    let i = 0;
    while (i < items.length && width > 0.5 && height > 0.5) {
      const side = Math.min(width, height);
      let sum = 0;
      let worst = Infinity;
      let j = i;
      while (j < items.length) {
        const next = sum + items[j].size * scale;
        const ratio = Math.max(
          (side * side * items[i].size * scale) / (next * next),
          (next * next) / (side * side * Math.max(items[j].size * scale, 1e-9)),
        );
        if (ratio > worst) break;
        worst = ratio;
        sum = next;
        j++;
      }
      const thick = sum / side;
      let along = 0;
      for (; i < j; i++) {
        const long = (items[i].size * scale) / thick;
        placed.push(
          width >= height
            ? { item: items[i], x, y: y + along, width: thick, height: long }
            : { item: items[i], x: x + along, y, width: long, height: thick },
        );
        along += long;
      }
      if (width >= height) { x += thick; width -= thick; } else { y += thick; height -= thick; }
    }
    return placed;
  }

  let grouping = Object.keys(GROUPINGS)[0];
  let root = tree(grouping);
  let at = root;
  let chosen = -1;
  const map = byId("map");

  // Neighbours by size are far apart on the colour wheel.
  const wheel = (i) => Math.round(212 + i * 137.5) % 360;
  function hue(text) {
    let hash = 7;
    for (let i = 0; i < text.length; i++) hash = (hash * 31 + text.charCodeAt(i)) >>> 0;
    return (hash * 47) % 360;
  }
  function marks(group) {
    if (!matches) return true;
    if (group.part >= 0) return matches[group.part];
    for (const child of group.children.values()) if (marks(child)) return true;
    return false;
  }
  const sorted = (group) => [...group.children.values()].sort((a, b) => b.size - a.size || (a.name < b.name ? -1 : 1));

  function tile(place, color) {
    const { item, x, y, width, height } = place;
    const isPart = item.part >= 0;
    const node = make("button", {
      type: "button",
      class: `tile${isPart ? "" : " group"}${item.part >= 0 && item.part === chosen ? " chosen" : ""}${marks(item) ? "" : " dim"}`,
      style: `left:${x}px;top:${y}px;width:${width}px;height:${height}px;--hue:${color}`,
      title: `${item.name}\n${number(item.size)} bytes, ${percent(item.size)}`,
      "aria-label": `${item.name}, ${number(item.size)} bytes${isPart ? "" : ", group"}`,
      tabindex: "-1",
      onclick: () => enter(item),
    });
    if (width > 34 && height > 17) node.append(make("span", {}, isPart || width < 130 ? item.name : `${item.name}  ${number(item.size)}`));
    if (width > 50 && height > 34 && isPart) node.append(make("span", { class: "bytes" }, number(item.size)));
    node.group = item;
    return node;
  }

  let drawn = 0;
  function drawMap() {
    const box = map.getBoundingClientRect();
    drawn = map.clientWidth;
    const fragment = document.createDocumentFragment();
    const draw = (group, x, y, width, height, level, color) => {
      for (const [i, place] of squarify(sorted(group), x, y, width, height).entries()) {
        if (place.width < 2.5 || place.height < 2.5) continue;
        const own = color ?? wheel(i);
        fragment.append(tile(place, own));
        if (place.item.part < 0 && level < 3 && place.width > 22 && place.height > 30) {
          draw(place.item, place.x + 3, place.y + 18, place.width - 6, place.height - 21, level + 1, own);
        }
      }
    };
    draw(at, 0, 0, box.width, box.height, 1, undefined);
    map.replaceChildren(fragment);
    const first = map.querySelector(".chosen") || map.firstElementChild;
    if (first) first.tabIndex = 0;
    const path = byId("path");
    path.replaceChildren();
    for (const group of at.path) {
      if (path.childElementCount) path.append("\u203a");
      path.append(
        group === at
          ? make("span", { "aria-current": "location" }, `${group.name}: ${number(group.size)} bytes, ${percent(group.size)}`)
          : make("button", { type: "button", class: "link", onclick: () => enter(group) }, group.name),
      );
    }
  }

  function enter(group) {
    if (group.part >= 0) return choose(group.part);
    at = group;
    showGroup(group);
    drawMap();
    map.querySelector(".tile")?.focus({ preventScroll: true });
  }

  map.addEventListener("keydown", (event) => {
    const tiles = [...map.children];
    const here = document.activeElement;
    if (event.key === "Escape" || event.key === "Backspace") {
      if (at.parent) {
        const from = at;
        enter(at.parent);
        focusTile([...map.children].find((node) => node.group === from));
      }
      event.preventDefault();
      return;
    }
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step || !tiles.includes(here)) return;
    event.preventDefault();
    const middle = (node) => [node.offsetLeft + Math.min(node.offsetWidth / 2, 40), node.offsetTop + 8];
    const [x, y] = middle(here);
    let best = null;
    let least = Infinity;
    for (const other of tiles) {
      if (other === here) continue;
      const [u, v] = middle(other);
      const along = (u - x) * step[0] + (v - y) * step[1];
      const aside = Math.abs((u - x) * step[1]) + Math.abs((v - y) * step[0]);
      if (along > 1 && along + 2.5 * aside < least) {
        least = along + 2.5 * aside;
        best = other;
      }
    }
    focusTile(best);
  });
  function focusTile(node) {
    if (!node) return;
    for (const other of map.querySelectorAll("[tabindex='0']")) other.tabIndex = -1;
    node.tabIndex = 0;
    node.focus({ preventScroll: true });
  }

  // Details

  const details = byId("details");
  function showGroup(group) {
    const largest = sorted(group).slice(0, 12);
    details.replaceChildren(...children(
      make("h2", {}, group.name),
      make("p", { class: "soft" }, `${number(group.size)} bytes, ${percent(group.size)} of the module`),
      make("h3", {}, "Largest"),
      make("dl", {}, ...largest.flatMap((child) => [
        make("dt", {}, make("button", { type: "button", class: "link", onclick: () => enter(child) }, child.name)),
        make("dd", {}, number(child.size)),
      ])),
      group === root
        ? make("p", { class: "soft" }, make("kbd", {}, "\u2190\u2191\u2192\u2193"), " move, ", make("kbd", {}, "Enter"), " opens, ",
            make("kbd", {}, "Esc"), " goes up, ", make("kbd", {}, "/"), " searches")
        : null,
    ));
  }

  function chain(p) {
    const found = [p];
    const seen = new Set(found);
    while ((p = parts.cause[p]) >= 0 && !seen.has(p)) {
      seen.add(p);
      found.push(p);
    }
    return found.reverse();
  }

  function choose(p) {
    chosen = p;
    const pairs = parts.sizes[p];
    const bytes = [];
    for (let i = 0; i < pairs.length; i += 2) bytes.push([report.sections[pairs[i]][0], pairs[i + 1]]);
    bytes.sort((a, b) => b[1] - a[1]);
    const object = parts.object[p] >= 0 ? report.objects[parts.object[p]] : null;
    const rows = [["size", size[p]]];
    if (parts.retained[p]) rows.push(["retained", parts.retained[p]]);
    if (parts.overhead[p]) rows.push(["padded numbers", parts.overhead[p]]);
    const entry = (name, value) => [make("dt", {}, name), make("dd", {}, typeof value === "number" ? number(value) : value)];
    const reasons = (q) => {
      const reason = report.reasons[parts.reason[q]] || "";
      return [reason, parts.line[q] ? `at ${parts.line[q]}` : "", objectName(q)].filter(Boolean).join(", ");
    };
    const links = chain(p);
    const isLive = parts.cause[p] >= 0 || report.reasons[parts.reason[p]];
    details.replaceChildren(...children(
      make("h2", {}, parts.name[p]),
      make("p", { class: "soft" }, [kindName(p), runtimeName(p) === "the program" ? "" : runtimeName(p)].filter(Boolean).join(", ")),
      parts.symbol[p] ? make("p", { class: "soft" }, parts.symbol[p]) : null,
      make("dl", {}, ...rows.flatMap((row) => entry(...row))),
      make("h3", {}, "By section"),
      make("dl", {}, ...bytes.flatMap((row) => entry(...row))),
      object ? make("h3", {}, "From") : null,
      object ? make("p", {}, object[0]) : null,
      object && object[2] !== object[0] ? make("p", { class: "soft" }, object[2]) : null,
      sourceName(p) ? make("p", {}, sourceName(p)) : null,
      parts.folded[p] ? make("h3", {}, "Folded into it") : null,
      parts.folded[p] ? make("ul", {}, ...parts.folded[p].map((name) => make("li", {}, name))) : null,
      isLive ? make("h3", {}, "Why it is live") : null,
      isLive
        ? make("ol", { id: "chain" }, ...links.map((q) => make("li", {},
            q === p ? make("strong", {}, parts.name[q]) : make("button", { type: "button", class: "link", onclick: () => choose(q) }, parts.name[q]),
            make("small", {}, reasons(q)))))
        : null,
    ));
    details.scrollTop = 0;
    for (const node of map.children) node.classList.toggle("chosen", node.group.part === p);
    for (const row of byId("table").tBodies[0].rows) row.classList.toggle("chosen", row.part === p);
  }

  // Table

  const COLUMNS = [
    ["Name", (p) => parts.name[p], ""],
    ["Size", (p) => size[p], "number"],
    ["Retained", (p) => parts.retained[p], "number"],
    ["Kind", kindName, "optional"],
    ["Object", objectName, "optional"],
    ["Source", sourceName, "optional"],
  ].filter(([name]) => report.linked || (name !== "Retained" && name !== "Object"));
  let column = 1;
  let descending = true;
  let limit = 200;

  function drawTable() {
    const table = byId("table");
    table.tHead.replaceChildren(make("tr", {}, ...COLUMNS.map(([name, , kind], i) =>
      make("th", { class: kind, scope: "col", "aria-sort": i === column ? (descending ? "descending" : "ascending") : "none" },
        make("button", { type: "button", onclick: () => sortBy(i) }, name + (i === column ? (descending ? " \u2193" : " \u2191") : ""))))));
    const value = COLUMNS[column][1];
    const rows = [];
    for (let p = 0; p < count; p++) if (shown[p] && (!matches || matches[p])) rows.push(p);
    const keys = new Map(rows.map((p) => [p, value(p)]));
    rows.sort((a, b) => {
      const one = keys.get(a);
      const other = keys.get(b);
      const order = typeof one === "number" ? one - other : one < other ? -1 : one > other ? 1 : 0;
      return (descending ? -order : order) || size[b] - size[a] || a - b;
    });
    table.tBodies[0].replaceChildren(...rows.slice(0, limit).map((p) => {
      const row = make("tr", { tabindex: "0", class: p === chosen ? "chosen" : "", onclick: () => choose(p), onkeydown: (event) => {
        if (event.key === "Enter" || event.key === " ") { choose(p); event.preventDefault(); }
        if (event.key === "ArrowDown") { row.nextElementSibling?.focus(); event.preventDefault(); }
        if (event.key === "ArrowUp") { row.previousElementSibling?.focus(); event.preventDefault(); }
      } }, ...COLUMNS.map(([, get, kind]) => {
        const content = get(p);
        if (get === COLUMNS[0][1]) return make("td", {}, make("span", { class: "name", title: content }, content));
        return make("td", { class: kind }, typeof content === "number" ? (content ? number(content) : "\u2013") : content);
      }));
      row.part = p;
      return row;
    }));
    byId("more").hidden = rows.length <= limit;
    byId("more").textContent = `Show more (${number(rows.length - limit)})`;
  }
  function sortBy(i) {
    descending = i === column ? !descending : COLUMNS[i][2] === "number";
    column = i;
    limit = 200;
    drawTable();
    byId("table").tHead.rows[0].cells[i].firstElementChild.focus();
  }
  byId("more").addEventListener("click", () => { limit *= 4; drawTable(); });

  // Changes

  function drawChanges() {
    if (!report.changes) return;
    const table = byId("changes");
    table.tHead.replaceChildren(make("tr", {},
      ...[["Change", "number plain"], ["Size", "number plain"], ["Part", "plain"], ["Object", "optional plain"], ["Why", "plain"]].map(
        ([name, kind]) => make("th", { class: kind, scope: "col" }, name))));
    const known = new Map();
    for (let p = 0; p < count; p++) {
      const key = `${parts.name[p]}\n${objectName(p)}`;
      if (!known.has(key)) known.set(key, p);
    }
    table.tBodies[0].replaceChildren(...report.changes.list.map(([kind, name, object, old, now, why]) => {
      const state = old && now ? "" : now ? " (new)" : " (gone)";
      const p = known.get(`${name}\n${object}`);
      const open = () => { if (p !== undefined) choose(p); };
      return make("tr", { tabindex: "0", onclick: open, onkeydown: (event) => { if (event.key === "Enter") open(); } },
        make("td", { class: `number ${now > old ? "grown" : "shrunk"}` }, signed(now - old)),
        make("td", { class: "number" }, number(now)),
        make("td", {}, make("span", { class: "name", title: name }, name + state)),
        make("td", { class: "optional soft" }, kind === "object" ? "" : object),
        make("td", { class: "soft" }, why));
    }));
  }

  // Views

  const VIEWS = [["map", "Map"], ["table", "Table"], ...(report.changes ? [["changes", "Changes"]] : [])];
  function show(view) {
    for (const [id] of VIEWS) {
      byId(`view-${id}`).hidden = id !== view;
      const tab = byId(`tab-${id}`);
      tab.setAttribute("aria-selected", id === view);
      tab.tabIndex = id === view ? 0 : -1;
    }
    byId("grouping-label").hidden = view !== "map";
    byId("grouping-label").style.display = view === "map" ? "" : "none";
    if (view === "map") drawMap();
  }
  byId("tabs").append(...VIEWS.map(([id, name]) => make("button", {
    type: "button", role: "tab", id: `tab-${id}`, "aria-controls": `view-${id}`, onclick: () => show(id),
    onkeydown: (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!move) return;
      const i = VIEWS.findIndex(([other]) => other === id);
      const next = VIEWS[(i + move + VIEWS.length) % VIEWS.length][0];
      show(next);
      byId(`tab-${next}`).focus();
    },
  }, name)));
  const select = byId("grouping");
  select.append(...Object.entries(GROUPINGS).map(([id, [name]]) => make("option", { value: id }, name)));
  select.addEventListener("change", () => {
    grouping = select.value;
    at = root = tree(grouping);
    showGroup(root);
    drawMap();
  });
  const debug = byId("debug");
  byId("debug-label").hidden = !isDebug.includes(true);
  debug.addEventListener("change", () => {
    shown = isDebug.map((is) => debug.checked || !is);
    at = root = tree(grouping);
    showGroup(root);
    summarize();
    drawMap();
    drawTable();
  });
  const box = byId("search");
  let waiting = 0;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => search(box.value), 60);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box) {
      box.focus();
      event.preventDefault();
    } else if (event.key === "Escape" && document.activeElement === box) {
      box.value = "";
      search("");
    }
  });
  const strip = byId("sections");
  strip.setAttribute("aria-label", "Sections: " + report.sections.map(([name, bytes]) => `${name} ${percent(bytes)}`).join(", "));
  strip.append(...report.sections.map(([name, bytes]) => make("span", {
    title: `${name}: ${number(bytes)} bytes, ${percent(bytes)}`,
    style: `flex:${bytes};background:hsl(${hue(name)} 45% 52%)`,
  })));
  new ResizeObserver(() => {
    // Not when a tab hides it, nor when it is observed first.
    if (map.clientWidth && map.clientWidth !== drawn) drawMap();
  }).observe(map);
  summarize();
  drawTable();
  drawChanges();
  showGroup(root);
  show("map");
  document.documentElement.dataset.ready = "yes";
})();
