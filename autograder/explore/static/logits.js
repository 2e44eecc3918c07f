// Three logits become powers, powers become probabilities, and one of them a loss, whose gradient is p − y.
import { Explorer, clamp, define, make, number } from "./figure.js"
import { softmax } from "./layers.js"

const NAMES = ["cat", "dog", "bird"]
const START = [2.8, 1.1, 0]
const LIMIT = 5

/** Cross-entropy of one example with the true class t, never forming a small probability. */
export function crossEntropy(logits, t) {
  const largest = Math.max(...logits)
  return Math.log(logits.reduce((sum, z) => sum + Math.exp(z - largest), 0)) - (logits[t] - largest)
}

/** p − y: what the loss of one example hands back to each logit. */
export function gradient(logits, truth) {
  return softmax(logits).map((p, k) => p - (k === truth ? 1 : 0))
}

define("logits", class extends Explorer {
  begin() {
    return { logits: [...START], truth: 0 }
  }

  build() {
    const group = `logits-${Math.random().toString(36).slice(2)}`
    const head = (words, wide) => make("div", { class: `logits-head ${wide ? "logits-wide" : ""}`, "aria-hidden": "true" }, words)
    const output = name => make("span", { "data-shows": name, "aria-hidden": "true" })
    this.rows = NAMES.map((name, k) => {
      const radio = make("input", { type: "radio", name: group, "aria-label": `the truth is ${name}`, onchange: () => this.go({ truth: k }) })
      const input = make("input", { type: "range", min: -LIMIT, max: LIMIT, step: 0.1, "aria-label": `logit of ${name}`, oninput: () => this.go({ logits: this.state.logits.with(k, Number(input.value)) }) })
      const bar = make("i")
      return { radio, input, bar, name, z: output(`z${k}`), power: output(`power${k}`), p: output(`p${k}`), y: output(`y${k}`), g: output(`g${k}`) }
    })
    const [powers, ones, zero] = ["powers", "ones", "zero"].map(name => make("span", { class: "logits-foot", "data-shows": name, "aria-hidden": "true" }))
    this.foot = { powers, ones, zero }
    this.stage.append(make("div", { class: "logits" },
      head("truth", true), head("logit z", true), head("eᶻ"), head("p"), head("y"), head("gradient p − y"),
      ...this.rows.flatMap(({ radio, input, bar, name, z, power, p, y, g }) => [
        make("label", { class: "logits-name" }, radio, name),
        make("div", { class: "logits-z" }, input, z),
        power, p, y,
        make("div", { class: "logits-g" }, make("div", { class: "logits-axis" }, bar), g)]),
      head("", true), head("sum", true), powers, ones, make("span", { class: "logits-foot", "aria-hidden": "true" }, "1"), zero))
    this.controls(
      make("button", { type: "button", onclick: () => this.downhill() }, "A step downhill"),
      make("button", { type: "button", onclick: () => this.go(this.begin()) }, "Start over"))
  }

  /** Gradient descent on the logits themselves, at rate 1. */
  downhill() {
    const { logits, truth } = this.state
    const g = gradient(logits, truth)
    this.go({ logits: logits.map((z, k) => clamp(z - g[k], -LIMIT, LIMIT)) })
  }

  draw() {
    const { logits, truth } = this.state
    const [chances, g] = [softmax(logits), gradient(logits, truth)]
    const powers = logits.map(Math.exp)
    const fixed = (value, places = 3) => (Number(value.toFixed(places)) + 0).toFixed(places).replace("-", "−")
    const signed = value => (Number(value.toFixed(3)) > 0 ? "+" : "") + fixed(value)
    this.rows.forEach((row, k) => {
      row.radio.checked = k === truth
      row.input.value = logits[k]
      row.input.setAttribute("aria-valuetext", `${number(logits[k])}, probability ${fixed(chances[k])}`)
      row.z.textContent = fixed(logits[k], 2)
      row.power.textContent = fixed(powers[k], 2)
      row.p.textContent = fixed(chances[k])
      row.y.textContent = k === truth ? "1" : "0"
      row.g.textContent = signed(g[k])
      row.bar.className = g[k] < 0 ? "down" : ""
      row.bar.style.cssText = `left: ${50 + 50 * Math.min(0, g[k])}%; width: ${50 * Math.abs(g[k])}%`
    })
    this.foot.powers.textContent = fixed(powers.reduce((sum, power) => sum + power, 0), 2)
    this.foot.ones.textContent = fixed(chances.reduce((sum, p) => sum + p, 0))
    this.foot.zero.textContent = fixed(g.reduce((sum, one) => sum + one, 0))
    this.found = { chances, powers, gradient: g, loss: crossEntropy(logits, truth) }
  }

  sentence() {
    const { logits, truth } = this.state
    const { chances, powers, gradient, loss } = this.found
    const total = powers.reduce((sum, power) => sum + power, 0)
    const name = NAMES[truth]
    const others = NAMES.flatMap((other, k) => k === truth ? [] : [`${other} +${gradient[k].toFixed(3)}`])
    return `The truth is ${name}: p = ${powers[truth].toFixed(2)} / ${total.toFixed(2)} = ${chances[truth].toFixed(3)}, the loss −ln p = ${loss.toFixed(3)}. The gradient of ${name} is ${chances[truth].toFixed(3)} − 1 = ${gradient[truth].toFixed(3).replace("-", "−")}: raising its logit of ${number(logits[truth])} lowers the loss. That of the others is their p: ${others.join(", ")}.`
  }
})
