"""The script of the status page, run by Node.js on a page that only keeps what is put into it."""

import json
import subprocess
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent.parent.parent / "monitoring" / "status" / "status.js"
PAGE = """
class Part {
  constructor() { this.parts = []; this.dataset = {}; this.value = "3600"; this.hidden = true; this.tBodies = [this]; }
  append(...parts) { this.parts.push(...parts); }
  replaceChildren(...parts) { this.parts = parts; }
  querySelector() { return this; }
  addEventListener() {}
  get text() { return [this.textContent ?? "", ...this.parts.map((part) => part.text)].join(""); }
}
const kept = new Map();
const part = (id) => kept.get(id) ?? kept.set(id, new Part()).get(id);
globalThis.document = {
  documentElement: new Part(), body: new Part(), createElement: () => new Part(), getElementById: part,
};
globalThis.getComputedStyle = () => ({ getPropertyValue: () => "" });
globalThis.matchMedia = () => new Part();
globalThis.addEventListener = globalThis.setInterval = () => {};
globalThis.fetch = async (url) => {
  const asked = new URL(url, "http://page").searchParams.get("query") ?? "";
  const [, result] = Object.entries(ANSWERS).find(([begin]) => asked.startsWith(begin)) ?? ["", []];
  return { ok: true, json: async () => ({ flips: [], data: { result, alerts: [], yaml: "stack: dev" } }) };
};
"""
SAID = """
setTimeout(() => console.log(JSON.stringify({
  drawn: document.body.dataset.drawn,
  text: part("colours").text,
  hidden: ["logs", "grafana"].filter((id) => part(id).hidden),
})), 100);
"""


def page(**answers: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page shows where Prometheus answers so to queries that begin so, and nothing to all others."""
    program = f"const ANSWERS = {json.dumps(answers)};\n{PAGE}\n{SCRIPT.read_text()}\n{SAID}"
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, timeout=30, check=True)
    shown: dict[str, Any] = json.loads(done.stdout)
    assert shown["drawn"] == "yes"
    return shown


def sample(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, value]}


def test_what_no_probe_has_seen_is_not_known() -> None:
    shown = page(orca_release_colour=[sample("1", colour="blue", role="live", release="r")])
    assert "readynot known" in shown["text"]
    assert shown["text"].endswith("through the edgenot knownOllamanot knownmodelsnot knowncertificatenot known")


def test_what_a_probe_has_seen_is_shown() -> None:
    probes = [sample("1", job="ollama"), sample("0", job="edge"), sample("0", job="models")]
    shown = page(probe_success=probes)["text"]
    assert "through the edgedoes not answerOllamaanswersmodelsone is missing" in shown


def test_a_link_is_there_where_what_it_leads_to_is() -> None:
    assert page()["hidden"] == ["logs", "grafana"]
    assert page(up=[sample("1", job="victorialogs")])["hidden"] == ["grafana"]
