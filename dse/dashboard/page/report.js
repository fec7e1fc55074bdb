"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const columns = new Map(data.columns.map((c) => [c.key, c]));
  const designs = data.designs;
  const byId = new Map(designs.map((d) => [d.id, d]));
  const limits = new Map(); // key -> [low, high]
  const get = (id) => document.getElementById(id);
  let chosen = null;

  // ---------------------------------------------------------------- small helpers

  function html(name, attributes = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...children.map((c) => (c instanceof Node ? c : String(c))));
    return element;
  }

  function svg(name, attributes = {}, text) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // As format_figure of report.py writes it.
  function format(value, key) {
    if (value === null || value === undefined) return "–";
    if (key === "metric") return Math.abs(value) < 1000 ? value.toFixed(4) : value.toPrecision(4);
    if (key === "resources") return value.toFixed(2);
    const digits = Number.isInteger(value) ? 0 : 1;
    return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  }

  function title(key) {
    const c = columns.get(key);
    return c.unit ? `${c.label} (${c.unit})` : c.label;
  }

  const known = (design, ...keys) => keys.every((k) => design.best[k] !== null);

  function kept(design) {
    for (const [key, [low, high]] of limits) {
      const value = design.best[key];
      if (value === null || value < low || value > high) return false;
    }
    return true;
  }

  // ---------------------------------------------------------------- scales

  // Maps values to [0, 1]. A log scale gives zero a place of its own at the low end.
  function scale(values, log) {
    let low = Math.min(...values), high = Math.max(...values);
    if (!log) {
      const pad = (high - low || Math.abs(high) || 1) * 0.06;
      const floor = low >= 0 && low - pad < 0 ? 0 : low - pad;
      low = floor; high += pad;
      return { at: (v) => (v - low) / (high - low), ticks: linearTicks(low, high) };
    }
    const positive = values.filter((v) => v > 0);
    const zero = positive.length < values.length ? 0.1 : 0;
    const least = Math.log10(Math.min(...positive, Infinity));
    const most = Math.log10(Math.max(...positive, 0));
    const a = Number.isFinite(least) ? least - 0.08 : 0;
    const b = Number.isFinite(most) ? Math.max(most + 0.08, a + 0.3) : 1;
    const at = (v) => (v > 0 ? zero + (1 - zero) * (Math.log10(v) - a) / (b - a) : zero / 4);
    return { at, ticks: logTicks(a, b).concat(zero ? [0] : []) };
  }

  function linearTicks(low, high) {
    const raw = (high - low) / 5, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= raw);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-12); i++) ticks.push(i * step);
    return ticks;
  }

  function logTicks(a, b) {
    const steps = b - a > 3 ? [1] : b - a > 1.7 ? [1, 3] : b - a > 0.9 ? [1, 2, 5] : [1, 1.5, 2, 3, 5, 7];
    const ticks = [];
    for (let power = Math.floor(a); power <= b; power++)
      for (const m of steps) {
        const tick = m * 10 ** power;
        if (Math.log10(tick) >= a && Math.log10(tick) <= b) ticks.push(tick);
      }
    return ticks;
  }

  function tickText(value) {
    if (value !== 0 && Math.abs(value) < 10) return String(Number(value.toPrecision(4)));
    if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
    if (Math.abs(value) >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
    return String(Number(value.toPrecision(6)));
  }

  // ---------------------------------------------------------------- scatter

  function drawScatter() {
    const box = get("scatter"), width = Math.max(box.clientWidth, 280), narrow = width < 500;
    const height = narrow ? 320 : 440;
    const margin = { left: narrow ? 52 : 64, right: 20, top: 28, bottom: 46 };
    const x = get("x-axis").value, y = get("y-axis").value;
    const shown = designs.filter((d) => known(d, x, y) && kept(d) && (d.front || !get("front-only").checked));
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "group",
      "aria-label": `${shown.length} designs: ${title(y)} against ${title(x)}` });
    box.replaceChildren(picture);
    if (!shown.length) {
      picture.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "No design within the limits"));
      return;
    }
    const across = scale(shown.map((d) => d.best[x]), get("x-log").checked);
    const up = scale(shown.map((d) => d.best[y]), get("y-log").checked);
    const px = (v) => margin.left + across.at(v) * (width - margin.left - margin.right);
    const py = (v) => height - margin.bottom - up.at(v) * (height - margin.top - margin.bottom);
    drawAxes(picture, { width, height, margin, across, up, px, py, x, y });
    drawStaircase(picture, shown, x, y, px, py);
    drawShift(picture, x, y, px, py);
    const rest = shown.filter((d) => !d.front), front = shown.filter((d) => d.front);
    for (const d of [...rest, ...front]) picture.append(point(d, px(d.best[x]), py(d.best[y])));
    labelEnds(picture, front, x, y, px, py, width);
  }

  function drawAxes(picture, { width, height, margin, across, up, px, py, x, y }) {
    const bottom = height - margin.bottom, right = width - margin.right;
    let last = -Infinity;
    for (const tick of across.ticks.sort((a, b) => a - b)) {
      picture.append(svg("line", { class: "grid", x1: px(tick), x2: px(tick), y1: margin.top, y2: bottom }));
      if (px(tick) - last < 38) continue;
      last = px(tick);
      picture.append(svg("text", { x: px(tick), y: bottom + 18, "text-anchor": "middle" }, tickText(tick)));
    }
    for (const tick of up.ticks) {
      picture.append(svg("line", { class: "grid", x1: margin.left, x2: right, y1: py(tick), y2: py(tick) }));
      picture.append(svg("text", { x: margin.left - 8, y: py(tick) + 4, "text-anchor": "end" }, tickText(tick)));
    }
    picture.append(svg("line", { class: "base", x1: margin.left, x2: right, y1: bottom, y2: bottom }));
    const arrow = (key, more, less) => (columns.get(key).better > 0 ? ` ${more}` : ` ${less}`) + " better";
    picture.append(svg("text", { class: "title", x: right, y: height - 6, "text-anchor": "end" }, title(x) + "," + arrow(x, "→", "←")));
    picture.append(svg("text", { class: "title", x: 4, y: 14 }, title(y) + "," + arrow(y, "↑", "↓")));
  }

  // The best of the measured designs in these two figures alone.
  function drawStaircase(picture, shown, x, y, px, py) {
    const sx = -columns.get(x).better, sy = -columns.get(y).better;
    const sorted = shown.filter((d) => d.state === "measured")
      .sort((a, b) => sx * (a.best[x] - b.best[x]) || sy * (a.best[y] - b.best[y]));
    const stairs = [];
    for (const d of sorted)
      if (!stairs.length || sy * d.best[y] < sy * stairs[stairs.length - 1].best[y]) stairs.push(d);
    const path = stairs.map((d, i) => (i ? `H${px(d.best[x])}V${py(d.best[y])}` : `M${px(d.best[x])},${py(d.best[y])}`));
    if (stairs.length > 1) picture.append(svg("path", { class: "staircase", d: path.join("") }));
  }

  // From what was estimated of the chosen design to what was measured.
  function drawShift(picture, x, y, px, py) {
    const d = byId.get(chosen);
    if (!d || d.state !== "measured" || !kept(d)) return;
    const old = (key) => (key === "metric" || key === "resources" ? d.best[key] : d.estimate[key]);
    if (!known(d, x, y) || old(x) === null || old(y) === null) return;
    picture.append(svg("line", { class: "shift", x1: px(old(x)), y1: py(old(y)), x2: px(d.best[x]), y2: py(d.best[y]) }));
  }

  function point(d, cx, cy) {
    const hollow = d.state !== "measured";
    const names = ["point", d.front ? "front" : "", hollow ? "hollow" : "", d.id === chosen ? "chosen" : ""];
    const group = svg("g", { class: names.filter(Boolean).join(" "), "data-id": d.id, tabindex: 0, role: "button",
      "aria-label": `Design ${d.id}, ${d.state}${d.front ? ", on the front" : ""}` });
    group.append(svg("circle", { class: "hit", cx, cy, r: 12 }), svg("circle", { class: "dot", cx, cy, r: d.front ? 6 : 4.5 }));
    group.addEventListener("click", () => choose(d.id, false));
    group.addEventListener("keydown", (e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); choose(d.id, false); refocus(d.id); } });
    group.addEventListener("pointerenter", (e) => showTip(d, e.clientX, e.clientY));
    group.addEventListener("pointerleave", hideTip);
    group.addEventListener("focus", () => { const r = group.getBoundingClientRect(); showTip(d, r.right, r.top); });
    group.addEventListener("blur", hideTip);
    return group;
  }

  function refocus(id) { get("scatter").querySelector(`[data-id="${id}"]`)?.focus(); }

  // The ends of the front are named where they stand; the others tell on touch and focus.
  function labelEnds(picture, front, x, y, px, py, width) {
    const sorted = [...front].sort((a, b) => a.best[x] - b.best[x]);
    const ends = new Set([sorted[0], sorted[sorted.length - 1], byId.get(chosen)].filter((d) => d && known(d, x, y) && kept(d)));
    for (const d of ends) {
      const cx = px(d.best[x]), left = cx > width - 70;
      picture.append(svg("text", { class: "mark", x: cx + (left ? -10 : 10), y: py(d.best[y]) - 9, "text-anchor": left ? "end" : "start" }, `#${d.id}`));
    }
  }

  function showTip(d, left, top) {
    const tip = get("tip");
    tip.replaceChildren(html("b", {}, `Design ${d.id}${d.front ? ", on the front" : ""}`));
    for (const key of ["metric", "latency_ns", "interval_cycles", "lut", "dsp", "bram_18k"])
      if (columns.has(key) && d.best[key] !== null) tip.append(html("div", {}, `${title(key)}: ${format(d.best[key], key)}`));
    tip.append(html("div", {}, d.state === "failed" ? "estimated; its synthesis failed" : d.state));
    tip.hidden = false;
    const room = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(left + 12, innerWidth - room.width - 4))}px`;
    tip.style.top = `${Math.max(4, Math.min(top + 12, innerHeight - room.height - 4))}px`;
  }

  function hideTip() { get("tip").hidden = true; }

  function drawLegend() {
    const kinds = [["on the front", "point front", true], ["measured", "point", designs.some((d) => !d.front && d.state === "measured")],
      ["estimated only", "point hollow", designs.some((d) => d.state !== "measured")]];
    const entry = (text, name) => {
      const picture = svg("svg", { width: 16, height: 16, "aria-hidden": "true" }), group = svg("g", { class: name });
      group.append(svg("circle", { class: "dot", cx: 8, cy: 8, r: 5 }));
      picture.append(group);
      return html("span", {}, picture, text);
    };
    get("legend").replaceChildren(...kinds.filter((k) => k[2]).map(([text, name]) => entry(text, name)),
      html("span", {}, "Line: best measured in these two figures"));
  }

  // ---------------------------------------------------------------- parallel coordinates

  function axes() {
    return data.columns.filter((c) => {
      const values = new Set(designs.map((d) => d.best[c.key]));
      values.delete(null);
      return values.size > 1 && c.key !== "latency_cycles";
    }).map((c) => c.key);
  }

  function drawParallel() {
    const box = get("parallel"), keys = axes(), width = Math.max(box.clientWidth, keys.length * 116, 280), height = 300;
    const top = 44, bottom = height - 26;
    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "aria-hidden": "true" });
    picture.style.minWidth = `${width}px`;
    box.replaceChildren(picture);
    const step = width / Math.max(keys.length, 1), xs = new Map(keys.map((k, i) => [k, (i + 0.5) * step]));
    const places = new Map(keys.map((key) => [key, axisPlace(key, top, bottom)]));
    const drawn = designs.filter((d) => known(d, ...keys));
    const rank = (d) => (d.id === chosen ? 3 : !kept(d) ? 0 : d.front ? 2 : 1);
    for (const d of drawn.sort((a, b) => rank(a) - rank(b))) {
      const names = ["line", d.front ? "front" : "", kept(d) ? "" : "out", d.id === chosen ? "chosen" : ""];
      const points = keys.map((k) => `${xs.get(k)},${places.get(k).at(d.best[k])}`).join(" ");
      picture.append(svg("polyline", { class: names.filter(Boolean).join(" "), points, "data-id": d.id }));
    }
    for (const key of keys) drawAxis(picture, key, xs.get(key), places.get(key), top, bottom, step);
  }

  // Counts that span decades are spread by their logarithm; up is better on every axis.
  function axisPlace(key, top, bottom) {
    const values = designs.map((d) => d.best[key]).filter((v) => v !== null);
    const low = Math.min(...values), high = Math.max(...values);
    const f = key !== "metric" && high > 20 * Math.max(low, 1) ? (v) => Math.log10(1 + v) : (v) => v;
    const inverse = f(9) === 1 ? (v) => 10 ** v - 1 : (v) => v;
    const share = (v) => (f(v) - f(low)) / (f(high) - f(low) || 1);
    const up = columns.get(key).better > 0;
    return {
      low, high, up,
      at: (v) => (up ? bottom - share(v) * (bottom - top) : top + share(v) * (bottom - top)),
      value: (p) => { const s = up ? (bottom - p) / (bottom - top) : (p - top) / (bottom - top); return inverse(f(low) + s * (f(high) - f(low))); },
    };
  }

  function drawAxis(picture, key, x, place, top, bottom, step) {
    const c = columns.get(key);
    picture.append(svg("line", { class: "base", x1: x, x2: x, y1: top, y2: bottom }));
    picture.append(svg("text", { class: "title", x, y: 14, "text-anchor": "middle" }, c.unit ? `${c.label}, ${c.unit}` : c.label));
    const [best, worst] = place.up ? [place.high, place.low] : [place.low, place.high];
    picture.append(svg("text", { x, y: top - 10, "text-anchor": "middle" }, format(best, key)));
    picture.append(svg("text", { x, y: bottom + 18, "text-anchor": "middle" }, format(worst, key)));
    if (limits.has(key)) {
      const ends = limits.get(key).map((v) => place.at(Math.min(Math.max(v, place.low), place.high)));
      picture.append(svg("rect", { class: "brush", x: x - 8, width: 16, y: Math.min(...ends), height: Math.max(Math.abs(ends[1] - ends[0]), 3) }));
    }
    const strip = svg("rect", { class: "strip", "data-key": key, x: x - Math.min(step / 2, 24), width: Math.min(step, 48), y: top, height: bottom - top });
    strip.addEventListener("pointerdown", (e) => startBrush(e, key, place, top, bottom));
    picture.append(strip);
  }

  function startBrush(event, key, place, top, bottom) {
    event.preventDefault();
    const origin = get("parallel").querySelector("svg").getBoundingClientRect().top;
    const within = (e) => Math.min(Math.max(e.clientY - origin, top), bottom), from = within(event);
    const move = (e) => {
      const ends = [place.value(from), place.value(within(e))].sort((a, b) => a - b);
      limits.set(key, [ends[0] - 1e-9 * Math.abs(ends[0]), ends[1] + 1e-9 * Math.abs(ends[1])]);
      update();
    };
    const end = (e) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (Math.abs(within(e) - from) < 4) { limits.delete(key); update(); }
      fillLimits();
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }

  // ---------------------------------------------------------------- limits by number

  function fillLimits() {
    get("limits").replaceChildren(...axes().map((key) => {
      const input = (side, name) => {
        const now = limits.get(key)?.[side];
        const value = Number.isFinite(now) ? String(Number(now.toPrecision(6))) : "";
        const field = html("input", { type: "number", step: "any", placeholder: name, "aria-label": `${title(key)}, ${name}`, "data-key": key, "data-side": side });
        field.value = value;
        field.addEventListener("change", () => setLimit(key, side, field.value));
        return field;
      };
      return html("fieldset", {}, html("legend", {}, title(key)), input(0, "at least"), " ", input(1, "at most"));
    }));
  }

  function setLimit(key, side, text) {
    const pair = limits.get(key) ?? [-Infinity, Infinity];
    pair[side] = text === "" ? [-Infinity, Infinity][side] : Number(text);
    if (pair.some(Number.isFinite)) limits.set(key, pair); else limits.delete(key);
    update();
  }

  // ---------------------------------------------------------------- table

  function prepareTable() {
    const table = get("front");
    if (!table) return;
    for (const head of table.querySelectorAll("th[data-key]")) {
      const button = html("button", { type: "button" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => sortTable(table, head));
    }
    for (const row of table.tBodies[0].rows) {
      const id = Number(row.dataset.id), button = html("button", { type: "button", class: "open", "aria-label": `Design ${id}, show` }, id);
      row.cells[0].replaceChildren(button);
      row.addEventListener("click", () => choose(id, true));
    }
  }

  function sortTable(table, head) {
    const key = head.dataset.key, rising = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const value = (row) => byId.get(Number(row.dataset.id)).best[key] ?? Infinity;
    const rows = [...table.tBodies[0].rows].sort((a, b) => (rising ? 1 : -1) * (value(a) - value(b)));
    table.tBodies[0].append(...rows);
  }

  function updateTable() {
    for (const row of document.querySelectorAll("#front tbody tr")) {
      const id = Number(row.dataset.id);
      row.hidden = !kept(byId.get(id));
      row.classList.toggle("chosen", id === chosen);
    }
  }

  // ---------------------------------------------------------------- one design

  function table(heads, rows) {
    const texts = new Set(heads.filter(([, kind]) => kind === "text").map(([name]) => name));
    const cell = (name, tag, text) => html(tag, texts.has(name) ? { class: "text" } : {}, text);
    return html("table", {}, html("thead", {}, html("tr", {}, ...heads.map(([name]) => cell(name, "th", name)))),
      html("tbody", {}, ...rows.map((row) => html("tr", {}, ...row.map((text, i) => cell(heads[i][0], "td", text))))));
  }

  function choose(id, scroll) {
    chosen = id;
    const d = byId.get(id);
    get("h-panel").textContent = `Design ${id}${d.front ? ", on the front" : ""}`;
    const checks = Object.entries(d.checks).map(([name, text]) => `${name}: ${text}`);
    get("panel-note").textContent = [d.state === "failed" ? `Synthesis failed: ${d.failure}` : `Figures: ${d.state}`,
      ...checks].join(". ") + ".";
    get("panel-figures").replaceChildren(figures(d));
    const knobs = Object.entries(d.knobs).map(([name, value]) => [name, value]);
    get("panel-knobs").replaceChildren(knobs.length ? table([["Knob", "text"], ["Value", ""]], knobs) : "none");
    get("panel-stages").replaceChildren(stages(d));
    get("panel-config").textContent = d.config;
    get("panel-config-box").hidden = !d.config;
    get("panel").hidden = false;
    get("chosen-text").textContent = ["metric", "latency_ns", "lut", "dsp"].filter((key) => columns.has(key))
      .map((key) => `${columns.get(key).label} ${format(d.best[key], key)} ${columns.get(key).unit}`.trim())
      .reduce((text, figure) => `${text}, ${figure}`, `Design ${id}`);
    get("chosen").hidden = false;
    update();
    if (scroll) showPanel();
  }

  function showPanel() {
    get("panel").scrollIntoView({ block: "start" });
    get("h-panel").focus({ preventScroll: true });
  }

  function figures(d) {
    const rows = [[data.metric, "–", format(d.best.metric, "metric"), "", "bit-exact emulation"]];
    for (const key of columns.keys()) {
      if (key === "metric" || key === "resources") continue;
      const share = d.shares[key] === undefined ? "" : `${(100 * d.shares[key]).toFixed(2)} %`;
      rows.push([title(key), format(d.estimate[key], key), format(d.measured[key], key), share, d.sources[key] ?? ""]);
    }
    return table([["Figure", "text"], ["Estimated", ""], ["Measured", ""], ["Of the part", ""], ["Best known from", "text"]], rows);
  }

  function stages(d) {
    const names = ["lut", "ff", "dsp", "bram_18k", "latency_cycles", "interval_cycles"];
    const rows = d.stages.map((s) => [s.name, s.kind, s.type, s.strategy, s.reuse_factor ?? "–", ...names.map((n) => format(s[n], n))]);
    const heads = [["Layer", "text"], ["Unit", "text"], ["Type", "text"], ["Strategy", "text"], ["Reuse factor", ""], ["LUT", ""], ["FF", ""],
      ["DSP", ""], ["BRAM 18 Kb", ""], ["Latency, cycles", ""], ["II", ""]];
    return table(heads, rows);
  }

  // ---------------------------------------------------------------- all together

  function update() {
    drawScatter();
    drawParallel();
    updateTable();
    const count = designs.filter(kept).length, front = designs.filter((d) => d.front && kept(d)).length;
    get("kept").textContent = limits.size ? `${count} of ${designs.length} designs kept, ${front} of them on the front` : "";
  }

  function prepareAxes() {
    const offer = data.columns.filter((c) => designs.some((d) => d.best[c.key] !== null));
    for (const [id, log, wanted] of [["x-axis", "x-log", "lut"], ["y-axis", "y-log", "metric"]]) {
      get(id).append(...offer.map((c) => html("option", { value: c.key }, title(c.key))));
      if (columns.has(wanted)) get(id).value = wanted;
      get(log).checked = id === "x-axis";
      get(id).addEventListener("change", drawScatter);
      get(log).addEventListener("change", drawScatter);
    }
    get("front-only").addEventListener("change", drawScatter);
  }

  function prepareTheme() {
    const button = get("theme"), dark = matchMedia("(prefers-color-scheme: dark)");
    let isDark = dark.matches;
    const label = () => { button.textContent = isDark ? "Light theme" : "Dark theme"; };
    button.addEventListener("click", () => { isDark = !isDark; document.documentElement.dataset.theme = isDark ? "dark" : "light"; label(); });
    label();
  }

  function start() {
    document.documentElement.classList.add("scripted");
    prepareTheme();
    prepareTable();
    get("clear").addEventListener("click", () => { limits.clear(); fillLimits(); update(); });
    get("show-panel").addEventListener("click", showPanel);
    get("select-config").addEventListener("click", () => getSelection().selectAllChildren(get("panel-config")));
    if (!designs.length) {
      for (const id of ["h-scatter", "h-parallel"]) get(id).closest("section").hidden = true;
      return;
    }
    prepareAxes();
    drawLegend();
    fillLimits();
    update();
    let timer = 0;
    addEventListener("resize", () => { clearTimeout(timer); timer = setTimeout(update, 100); });
  }

  start();
})();
