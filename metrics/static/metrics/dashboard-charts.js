// Draws the data of a panel with Chart.js: honest axes, gaps as gaps, weekends shaded, and what may still
// change told apart. Colours are those of the stylesheet, so that they follow the theme.
"use strict";

const DashboardCharts = (() => {
  const COLOURS = 8;
  const SHAPES = ["circle", "triangle", "rect", "rectRot", "star", "crossRot", "cross", "rectRounded"];
  const PROVISIONAL = [6, 4];
  const COMPARED = [2, 3];
  // So many points can each be marked; of more, some of each line are.
  const ALL_MARKED = 31;
  const BAR_ROW = 28;
  const BAR_MORE = 12;
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const drawn = new Map();

  // --- Words and numbers ------------------------------------------------------------------------

  const number = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits });
  const money = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const WRITTEN = {
    rate: (value) => `${new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(value * 100)}\u00a0%`,
    minutes: (value) => `${number(1).format(value)}\u00a0min`,
    money: (value) => money.format(value),
    decimal: (value) => money.format(value),
  };
  const written = (value, kind) => (WRITTEN[kind] ?? ((plain) => number(2).format(plain)))(value);
  const onAxis = (value, kind) => (kind === "rate" ? `${number(1).format(value * 100)}\u00a0%` : number(2).format(value));

  const day = (label) => {
    const [year, month, date] = label.split("-").map(Number);
    return { year, month: MONTHS[month - 1], date, weekday: date ? WEEKDAYS[new Date(Date.UTC(year, month - 1, date)).getUTCDay()] : "" };
  };
  const short = (data, index) => {
    const label = data.labels[index];
    if (!data.over) return label.length > 28 ? `${label.slice(0, 27)}…` : label;
    const { year, month, date } = day(label);
    if (!date) return `${month} ${year}`;
    // Where days are of two years, the first of each says which.
    const ends = [data.labels[0], data.labels.at(-1)].map((end) => end.slice(0, 4));
    const isFirst = index === 0 || data.labels[index - 1].slice(0, 4) !== label.slice(0, 4);
    return ends[0] !== ends[1] && isFirst ? [`${month} ${date}`, String(year)] : `${month} ${date}`;
  };
  const long = (data, label) => {
    if (!data.over) return label;
    const { year, month, date, weekday } = day(label);
    if (!date) return `${month} ${year}`;
    return `${data.over === "week" ? "Week from " : ""}${weekday} ${date} ${month} ${year}`;
  };

  // --- Colours and marks ------------------------------------------------------------------------

  const theme = () => {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--dash-${name}`).trim();
    return {
      series: Array.from({ length: COLOURS }, (_, index) => of(index + 1)),
      background: of("background"), ink: of("ink"), ticks: of("ticks"), grid: of("grid"), weekend: of("weekend"),
      font: getComputedStyle(document.body).fontFamily,
    };
  };

  const hatched = (colour, background) => {
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d");
    pen.fillStyle = background;
    pen.fillRect(0, 0, 8, 8);
    pen.strokeStyle = colour;
    pen.lineWidth = 3;
    for (const at of [-8, 0, 8]) {
      pen.beginPath();
      pen.moveTo(at - 2, 10);
      pen.lineTo(at + 10, -2);
      pen.stroke();
    }
    return pen.createPattern(tile, "repeat");
  };

  // What is compared with has the colour of what it is compared with.
  const looks = (data, colours) => {
    let plain = 0;
    let dashed = 0;
    return data.series.map((series) => {
      const index = series.dashed ? dashed++ : plain++;
      return { colour: colours.series[index % COLOURS], shape: SHAPES[index % SHAPES.length], index };
    });
  };

  const weekends = {
    id: "weekends",
    beforeDatasetsDraw(chart, _args, { days, colour }) {
      const { ctx, chartArea, scales } = chart;
      if (!days?.length) return;
      const count = chart.data.labels.length;
      const half = count > 1 ? Math.abs(scales.x.getPixelForValue(1) - scales.x.getPixelForValue(0)) / 2 : chartArea.width / 2;
      ctx.save();
      ctx.fillStyle = colour;
      for (const index of days) {
        const middle = scales.x.getPixelForValue(index);
        const left = Math.max(middle - half, chartArea.left);
        ctx.fillRect(left, chartArea.top, Math.min(middle + half, chartArea.right) - left, chartArea.height);
      }
      ctx.restore();
    },
  };

  // --- Chart.js ---------------------------------------------------------------------------------

  const shares = (data) => {
    const sums = data.labels.map((_, row) => data.series.reduce((sum, series) => sum + (series.values[row] ?? 0), 0));
    return data.series.map((series) => series.values.map((value, row) => (value === null || !sums[row] ? null : value / sums[row])));
  };

  const line = (data, series, look, colours) => {
    const provisional = new Set(data.provisional);
    const every = Math.ceil(data.labels.length / 12);
    const radius = ({ dataIndex: at }) => {
      if (series.values[at] === null || series.values[at] === undefined) return 0;
      const isLone = (series.values[at - 1] ?? null) === null && (series.values[at + 1] ?? null) === null;
      if (isLone) return 3;
      if (series.dashed) return 0;
      if (provisional.has(at)) return 3;
      return data.labels.length <= ALL_MARKED || at % every === look.index % every ? 3 : 0;
    };
    return {
      borderColor: look.colour,
      backgroundColor: look.colour,
      borderWidth: series.dashed ? 1.5 : 2,
      borderDash: series.dashed ? COMPARED : [],
      segment: { borderDash: ({ p1DataIndex: at }) => (provisional.has(at) && !series.dashed ? PROVISIONAL : undefined) },
      pointStyle: look.shape,
      pointRadius: radius,
      pointHoverRadius: 5,
      pointBackgroundColor: ({ dataIndex: at }) => (provisional.has(at) && !series.dashed ? colours.background : look.colour),
      spanGaps: false,
      clip: 6,
    };
  };

  const bar = (data, series, look, colours) => {
    const provisional = new Set(data.provisional);
    const hatch = provisional.size || series.dashed ? hatched(look.colour, colours.background) : null;
    return {
      backgroundColor: ({ dataIndex: at }) => (series.dashed ? colours.background : provisional.has(at) ? hatch : look.colour),
      borderColor: series.dashed ? look.colour : colours.background,
      borderWidth: series.dashed ? 1.5 : 0.5,
      maxBarThickness: 40,
    };
  };

  const config = (data, colours) => {
    const isLines = data.form === "lines";
    const isLying = data.form === "ranked";
    const isShares = data.form === "shares";
    const isStacked = isShares || data.form === "stacked";
    const kinds = new Set(data.series.map((series) => series.kind));
    const hasTwo = !isLying && !isStacked && kinds.has("rate") && kinds.size > 1;
    const parts = isShares ? shares(data) : null;
    const datasets = looks(data, colours).map((look, index) => {
      const series = data.series[index];
      return {
        label: series.label,
        data: parts ? parts[index] : series.values,
        ...(isLines ? line(data, series, look, colours) : bar(data, series, look, colours)),
        ...(hasTwo && series.kind === "rate" ? { yAxisID: "rates" } : {}),
        ...(isStacked && series.dashed ? { stack: "compared" } : {}),
      };
    });
    const font = { family: colours.font, size: 12 };
    const ticks = { color: colours.ticks, font };
    const amounts = (kind) => ({
      beginAtZero: true,
      stacked: isStacked,
      border: { display: false },
      grid: { color: colours.grid },
      ticks: { ...ticks, maxTicksLimit: 7, maxRotation: 0, ...(kind === "count" ? { precision: 0 } : {}), callback: (value) => onAxis(value, kind) },
    });
    const first = isShares ? "rate" : [...kinds].find((kind) => !hasTwo || kind !== "rate") ?? "count";
    const names = {
      stacked: isStacked,
      grid: { display: false },
      border: { color: colours.grid },
      ticks: {
        // Days may be left out of an axis, names may not.
        ...ticks, maxRotation: data.over || isLying ? 0 : 45, autoSkip: Boolean(data.over), autoSkipPadding: 14,
        callback(_value, index) { return short(data, index); },
      },
    };
    const scales = isLying ? { x: amounts(first), y: names } : { x: names, y: amounts(first) };
    if (isShares) scales.y.max = 1;
    if (hasTwo) scales.rates = { ...amounts("rate"), position: "right", grid: { display: false } };
    return {
      type: isLines ? "line" : "bar",
      data: { labels: data.labels, datasets },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        indexAxis: isLying ? "y" : "x",
        interaction: { mode: "index", axis: isLying ? "y" : "x", intersect: false },
        scales,
        plugins: {
          legend: { display: false },
          weekends: { days: data.weekend, colour: colours.weekend },
          tooltip: {
            titleFont: font, bodyFont: font, usePointStyle: isLines, boxPadding: 4,
            filter: (item) => item.raw !== null,
            callbacks: {
              title: ([item]) => (item ? long(data, data.labels[item.dataIndex]) : ""),
              label: (item) => {
                const series = data.series[item.datasetIndex];
                const value = series.values[item.dataIndex];
                const share = isShares && series.kind !== "rate" ? ` (${written(item.raw, "rate")})` : "";
                return ` ${series.label}: ${written(value, series.kind)}${share}`;
              },
              footer: ([item]) => (item && data.provisional.includes(item.dataIndex) ? "Provisional" : ""),
            },
          },
        },
      },
      plugins: [weekends],
    };
  };

  // --- Legend: what is drawn how, said beneath the drawing ----------------------------------------

  const keys = (data, colours) => {
    const isLines = data.form === "lines";
    const found = [];
    const hasTwo = new Set(data.series.map((series) => series.kind)).size > 1 && ["lines", "bars"].includes(data.form);
    looks(data, colours).forEach((look, index) => {
      const series = data.series[index];
      found.push({
        // One alone cannot be taken away.
        index: data.series.length > 1 ? index : undefined,
        label: series.label + (hasTwo && series.kind === "rate" ? " (right axis)" : ""),
        colour: look.colour, shape: look.shape, mark: isLines ? "line" : "box", dashed: series.dashed,
      });
    });
    if (data.provisional.length) {
      const label = "Provisional: GitHub may still change it";
      found.push({ label, colour: colours.ticks, mark: isLines ? "line" : "hatch", dash: PROVISIONAL });
    }
    if (data.weekend.length) found.push({ label: "Weekend", colour: colours.weekend, mark: "shade" });
    return found;
  };

  // The mark of a key on a canvas, 24 by 12, so that the page and the picture show the same.
  const drawMark = (pen, key, x, y, colours) => {
    pen.save();
    pen.translate(x, y);
    pen.strokeStyle = key.colour;
    pen.fillStyle = key.mark === "hatch" ? hatched(key.colour, colours.background) : key.colour;
    if (key.mark === "line") {
      pen.lineWidth = 2;
      pen.setLineDash(key.dash ?? (key.dashed ? COMPARED : []));
      pen.beginPath();
      pen.moveTo(0, 6);
      pen.lineTo(24, 6);
      pen.stroke();
      pen.setLineDash([]);
      if (key.shape && !key.dashed) Chart.helpers.drawPoint(pen, { pointStyle: key.shape, radius: 4, borderWidth: 2 }, 12, 6);
    } else {
      if (key.dashed) pen.strokeRect(6.5, 1, 11, 10);
      else pen.fillRect(6, 0, 12, 12);
      if (key.mark === "shade") {
        pen.strokeStyle = colours.ticks;
        pen.lineWidth = 0.5;
        pen.strokeRect(6, 0, 12, 12);
      }
    }
    pen.restore();
  };

  const mark = (key, colours) => {
    const canvas = document.createElement("canvas");
    canvas.width = 48;
    canvas.height = 24;
    canvas.style.width = "24px";
    canvas.style.height = "12px";
    canvas.setAttribute("aria-hidden", "true");
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    drawMark(pen, key, 0, 0, colours);
    return canvas;
  };

  const showLegend = (list, data, chart, colours) => {
    list.replaceChildren(
      ...keys(data, colours).map((key) => {
        const item = document.createElement("li");
        const part = document.createElement(key.index === undefined ? "span" : "button");
        part.append(mark(key, colours), key.label);
        if (key.index === undefined) {
          part.className = "dash-key";
        } else {
          part.type = "button";
          part.setAttribute("aria-pressed", String(chart.isDatasetVisible(key.index)));
          part.addEventListener("click", () => {
            const isShown = chart.isDatasetVisible(key.index);
            chart.setDatasetVisibility(key.index, !isShown);
            part.setAttribute("aria-pressed", String(!isShown));
            chart.update();
          });
        }
        item.append(part);
        return item;
      }),
    );
  };

  // --- In the page --------------------------------------------------------------------------------

  const lyingHeight = (data) => data.labels.length * (BAR_ROW + (data.series.length - 1) * BAR_MORE) + 48;

  const draw = (box) => {
    const source = document.getElementById(box.dataset.chart);
    if (!source) return;
    const data = JSON.parse(source.textContent);
    const colours = theme();
    const canvas = box.querySelector("canvas");
    drawn.get(box)?.chart.destroy();
    if (data.form === "ranked") box.style.height = `${lyingHeight(data)}px`;
    const chart = new Chart(canvas, config(data, colours));
    drawn.set(box, { chart, data });
    const list = box.parentElement.querySelector("[data-legend]");
    if (list) showLegend(list, data, chart, colours);
  };

  const drawIn = (place) => place.querySelectorAll("[data-chart]").forEach(draw);

  const forget = (place) => {
    for (const [box, { chart }] of drawn) {
      if (place.contains(box) || !box.isConnected) {
        chart.destroy();
        drawn.delete(box);
      }
    }
  };

  // --- As a picture -------------------------------------------------------------------------------

  const WIDTH = 1200;
  const EDGE = 32;
  const SCALE = 2;

  const sheet = (height, title, subtitle, colours) => {
    const canvas = document.createElement("canvas");
    canvas.width = WIDTH * SCALE;
    canvas.height = height * SCALE;
    const pen = canvas.getContext("2d");
    pen.scale(SCALE, SCALE);
    pen.fillStyle = colours.background;
    pen.fillRect(0, 0, WIDTH, height);
    pen.textBaseline = "top";
    pen.fillStyle = colours.ink;
    pen.font = `600 22px ${colours.font}`;
    pen.fillText(title, EDGE, EDGE, WIDTH - 2 * EDGE);
    pen.fillStyle = colours.ticks;
    pen.font = `14px ${colours.font}`;
    pen.fillText(subtitle, EDGE, EDGE + 32, WIDTH - 2 * EDGE);
    return [canvas, pen];
  };

  const pictureOfChart = (box) => {
    const { data, chart: shown } = drawn.get(box);
    const colours = theme();
    const height = data.form === "ranked" ? lyingHeight(data) : 480;
    const inner = document.createElement("canvas");
    inner.width = WIDTH - 2 * EDGE;
    inner.height = height;
    const made = config(data, colours);
    Object.assign(made.options, { responsive: false, devicePixelRatio: SCALE, events: [] });
    made.data.datasets.forEach((dataset, index) => { dataset.hidden = !shown.isDatasetVisible(index); });
    const chart = new Chart(inner, made);
    const measure = inner.getContext("2d");
    measure.font = `14px ${colours.font}`;
    let x = EDGE;
    let y = 0;
    const places = keys(data, colours).filter((key) => key.index === undefined || shown.isDatasetVisible(key.index)).map((key) => {
      const width = measure.measureText(key.label).width + 32 + 20;
      if (x + width > WIDTH - EDGE && x > EDGE) {
        x = EDGE;
        y += 24;
      }
      const place = { key, x, y };
      x += width;
      return place;
    });
    const top = EDGE + 64;
    const [canvas, pen] = sheet(top + height + 16 + (places.length ? y + 24 : 0) + EDGE, data.title, data.subtitle, colours);
    pen.drawImage(inner, EDGE, top, WIDTH - 2 * EDGE, height);
    chart.destroy();
    pen.font = `14px ${colours.font}`;
    for (const place of places) {
      const at = top + height + 16 + place.y;
      drawMark(pen, place.key, place.x, at + 1, colours);
      pen.fillStyle = colours.ink;
      pen.fillText(place.key.label, place.x + 32, at);
    }
    return canvas;
  };

  const pictureOfTable = (region) => {
    const colours = theme();
    const rows = [...region.querySelectorAll("tr")].map((row) => [...row.cells]);
    const first = Math.min(320, (WIDTH - 2 * EDGE) / 3);
    const width = (WIDTH - 2 * EDGE - first) / Math.max(rows[0].length - 1, 1);
    const line = 30;
    const top = EDGE + 64;
    const [canvas, pen] = sheet(top + rows.length * line + EDGE, region.dataset.title, region.dataset.subtitle, colours);
    pen.textBaseline = "middle";
    rows.forEach((cells, row) => cells.forEach((cell, column) => {
      const style = getComputedStyle(cell);
      const x = column ? EDGE + first + (column - 1) * width : EDGE;
      const wide = column ? width : first;
      const y = top + row * line;
      if (cell.matches(".dash-heat")) {
        pen.fillStyle = style.backgroundColor;
        pen.fillRect(x, y, wide - 2, line - 2);
      }
      pen.fillStyle = cell.matches(".dash-heat") ? style.color : colours.ink;
      pen.font = `${row && column ? 400 : 600} 13px ${colours.font}`;
      pen.textAlign = column ? "right" : "left";
      pen.fillText(cell.innerText.trim(), column ? x + wide - 10 : x, y + line / 2, wide - 16);
    }));
    return canvas;
  };

  const picture = (place) => {
    const box = place.querySelector("[data-chart]");
    return box ? pictureOfChart(box) : pictureOfTable(place.querySelector("[data-heat]"));
  };

  // The theme tells by a class which of its two faces it shows.
  let isDark = document.documentElement.classList.contains("dark");
  new MutationObserver(() => {
    if (document.documentElement.classList.contains("dark") === isDark) return;
    isDark = !isDark;
    [...drawn.keys()].filter((box) => box.isConnected).forEach(draw);
  }).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });

  return { drawIn, forget, picture };
})();
