"use strict";
// The status page: what Prometheus and the rollout's journal say, drawn in the browser. It asks every 15 seconds.
const API = "/prometheus/api/v1/";
const EVERY = 15000;

const CHARTS = [
  { title: "Requests a second", unit: "", query: "sum by (colour) (rate(orca_http_requests_total[2m]))", label: "colour" },
  { title: "Failed requests, share", unit: "%", query: '100 * sum by (colour) (rate(orca_http_requests_total{status=~"5.."}[2m])) / on () group_left sum(rate(orca_http_requests_total[2m]))', label: "colour" },
  { title: "First token, 95th percentile", unit: "s", query: "histogram_quantile(0.95, sum by (colour, le) (rate(gen_ai_server_time_to_first_token_seconds_bucket[5m])))", label: "colour" },
  { title: "Whole completion, 95th percentile", unit: "s", query: "histogram_quantile(0.95, sum by (colour, le) (rate(gen_ai_server_request_duration_seconds_bucket[5m])))", label: "colour" },
  { title: "Memory, share of limit", unit: "%", query: '100 * service:container_memory_limit:ratio{service=~"ollama|nginx|api-.+"}', label: "service" },
  { title: "CPU, share of limit", unit: "%", query: '100 * service:container_cpu_limit:ratio_rate5m{service=~"ollama|nginx|api-.+"}', label: "service" },
  { title: "Ollama's answer", unit: "s", query: 'probe_duration_seconds{job="ollama"}', label: "service" },
  { title: "Refused requests a second", unit: "", query: "(sum(rate(orca_http_refused_rate_total[2m])) or vector(0)) + (sum(rate(orca_http_refused_concurrency_total[2m])) or vector(0))", label: "" },
];

for (const { title } of CHARTS) {
  const place = document.createElement("div");
  place.className = "plot";
  place.id = title;
  document.getElementById("plots").append(place);
}

const byId = (id) => document.getElementById(id);
const colours = () => getComputedStyle(document.documentElement);
const drawn = new Map();

function element(tag, text, kind) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

async function ask(path, values) {
  const answer = await fetch(API + path + "?" + new URLSearchParams(values || {}));
  if (!answer.ok) throw new Error(`Prometheus answers ${answer.status}`);
  return (await answer.json()).data;
}

const instant = async (query) => (await ask("query", { query })).result;

function age(seconds) {
  if (!(seconds >= 0)) return "";
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${Math.floor(seconds)} s`;
}

async function alerts() {
  const { alerts: found } = await ask("alerts");
  const firing = found.filter((one) => one.state === "firing" && one.labels.alertname !== "Watchdog");
  byId("alerts").querySelector("ul").replaceChildren(...(firing.length ? firing : [null]).map((one) => {
    if (!one) return element("li", "None fires.", "good");
    const line = element("li", undefined, one.labels.severity === "critical" ? "bad" : "warn");
    line.append(element("strong", one.labels.alertname + ": "), element("span", one.annotations.summary));
    return line;
  }));
  const critical = firing.some((one) => one.labels.severity === "critical");
  const verdict = byId("verdict");
  verdict.textContent = critical ? "Something is wrong" : firing.length ? "It works, with warnings" : "All is well";
  verdict.className = critical ? "bad" : firing.length ? "warn" : "good";
}

async function releases() {
  const [known, probes, up] = await Promise.all([instant("orca_release_colour"), instant('probe_success{job=~"api|ollama|edge|models"}'), instant('probe_ssl_earliest_cert_expiry{job="edge"} - time()')]);
  const health = (job, good, bad, colour) => {
    const found = probes.filter((one) => one.metric.job === job && (!colour || one.metric.colour === colour));
    return !found.length ? "not known" : found.every((one) => one.value[1] === "1") ? good : bad;
  };
  const cards = ["blue", "green"].map((colour) => {
    const one = known.find((found) => found.metric.colour === colour);
    const card = element("div", undefined, "card");
    card.append(element("strong", colour, colour), element("span", one ? ` ${one.metric.role}` : " none"));
    if (one) card.append(list([["release", one.metric.release], ["ready", health("api", "yes", "no", colour)]]));
    return card;
  });
  const whole = element("div", undefined, "card");
  whole.append(element("strong", "Service"), list([
    ["through the edge", health("edge", "answers", "does not answer")],
    ["Ollama", health("ollama", "answers", "does not answer")],
    ["models", health("models", "all there", "one is missing")],
    ["certificate", up.length ? `${age(Number(up[0].value[1]))} left` : "not known"],
  ]));
  byId("colours").replaceChildren(...cards, whole);
}

function list(pairs) {
  const made = element("dl");
  for (const [name, value] of pairs) made.append(element("dt", name), element("dd", value));
  return made;
}

async function containers() {
  const [memory, share, cpu, cpuShare, start] = await Promise.all([
    instant('max by (service) (container_memory_working_set_bytes{service!=""})'), instant("service:container_memory_limit:ratio"),
    instant('sum by (service) (rate(container_cpu_usage_seconds_total{service!=""}[2m]))'), instant("service:container_cpu_limit:ratio_rate5m"),
    instant('time() - max by (service) (container_start_time_seconds{service!=""})')]);
  const of = (found, service) => { const one = found.find((each) => each.metric.service === service); return one ? Number(one.value[1]) : NaN; };
  const shown = (value, digits, unit) => (Number.isFinite(value) ? value.toFixed(digits) + unit : "");
  byId("containers").tBodies[0].replaceChildren(...memory.map((one) => one.metric.service).sort().map((service) => row([
    service, shown(of(memory, service) / 1048576, 0, " MiB"), shown(100 * of(share, service), 0, " %"),
    shown(of(cpu, service), 2, ""), shown(100 * of(cpuShare, service), 0, " %"), age(of(start, service))])));
}

function row(cells) {
  const made = element("tr");
  cells.forEach((cell) => made.append(element("td", cell)));
  return made;
}

let flipTimes = [];

async function flips() {
  const answer = await fetch("/journal.json");
  const found = answer.ok ? (await answer.json()).flips : [];
  flipTimes = found.map((flip) => Date.parse(flip.at) / 1000);
  byId("flips").tBodies[0].replaceChildren(...found.slice(-8).reverse().map((flip) => row([flip.at, flip.from || "nothing", flip.to, flip.release, flip.reason])));
}

// A vertical line for each flip.
const marks = { hooks: { draw: [(plot) => {
  plot.ctx.save();
  plot.ctx.strokeStyle = colours().getPropertyValue("--dim");
  plot.ctx.setLineDash([4, 4]);
  for (const time of flipTimes) {
    if (time < plot.scales.x.min || time > plot.scales.x.max) continue;
    const x = Math.round(plot.valToPos(time, "x", true));
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, plot.bbox.top);
    plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    plot.ctx.stroke();
  }
  plot.ctx.restore();
}] } };

async function chart(spec) {
  const seconds = Number(byId("period").value);
  const end = Math.floor(Date.now() / 1000);
  const step = Math.max(15, Math.floor(seconds / 240));
  const { result } = await ask("query_range", { query: spec.query, start: end - seconds, end, step });
  const place = byId(spec.title);
  const times = [...new Set(result.flatMap((one) => one.values.map(([time]) => time)))].sort((a, b) => a - b);
  const names = result.map((one) => one.metric[spec.label] || "all");
  drawn.get(spec.title)?.destroy();
  place.replaceChildren(element("h3", spec.title));
  if (!times.length) {
    drawn.delete(spec.title);
    place.append(element("p", "Nothing in this period", "empty"));
    return;
  }
  const lines = result.map((one) => { const at = new Map(one.values); return times.map((time) => { const value = Number(at.get(time)); return at.has(time) && Number.isFinite(value) ? value : null; }); });
  const style = colours();
  const spare = ["--other", "--warn", "--bad", "--good", "--dim"];
  const stroke = (name, number) => style.getPropertyValue(/(^|-)blue$/.test(name) ? "--blue" : /(^|-)green$/.test(name) ? "--green" : spare[number % spare.length]);
  const axis = { stroke: style.getPropertyValue("--dim"), grid: { stroke: style.getPropertyValue("--line"), width: 1 } };
  drawn.set(spec.title, new uPlot({
    width: place.clientWidth - 26, height: 180, plugins: [marks],
    scales: { x: { range: () => [end - seconds, end] }, y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.1 : 1] } },
    axes: [axis, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => `${+tick.toPrecision(3)}${spec.unit}`) }],
    series: [{}, ...names.map((name, number) => ({ label: name, stroke: stroke(name, number), width: 2, spanGaps: false, value: (_, value) => (value === null ? "" : `${+value.toPrecision(3)}${spec.unit}`) }))],
  }, [times, ...lines], place));
}

async function refresh() {
  try {
    const { yaml } = await ask("status/config");
    const name = /stack: (\S+)/.exec(yaml);
    if (name) document.title = byId("stack").textContent = `${name[1]}: status`;
    const jobs = (await instant('up{job=~"grafana|victorialogs"}')).map((one) => one.metric.job);
    byId("grafana").hidden = !jobs.includes("grafana");
    byId("logs").hidden = !jobs.includes("victorialogs");
    await flips();
    await Promise.all([alerts(), releases(), containers(), ...CHARTS.map(chart)]);
    document.body.dataset.drawn = "yes";
  } catch (error) {
    byId("verdict").textContent = `Prometheus cannot be asked: ${error.message}`;
    byId("verdict").className = "bad";
  }
}

byId("period").addEventListener("change", refresh);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", refresh);
addEventListener("resize", () => drawn.forEach((plot) => plot.setSize({ width: plot.root.parentElement.clientWidth - 26, height: 180 })));
refresh();
setInterval(refresh, EVERY);
