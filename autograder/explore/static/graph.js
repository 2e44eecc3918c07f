// The graph of chapter 7, w1 = x to w7 = w5 + w6: values go forward, gradients come back, step by step.
import { Explorer, define, factor, make, number, slider } from "./figure.js"

/** Values w1 … w7 of the way forward, at places 1 to 7. */
export function forward(x, y) {
  const w = [undefined, x, y, Math.cos(x), Math.sin(x)]
  w[5] = w[3] * w[4]
  w[6] = w[1] / w[2]
  w[7] = w[5] + w[6]
  return w
}

/** What each node hands back, from the last to the first: [node, [[source, rate, "how"], …]]. */
export function rates(w) {
  return [
    [7, [[5, 1, "1"], [6, 1, "1"]]],
    [6, [[1, 1 / w[2], "1 / w2"], [2, -w[1] / w[2] ** 2, "−w1 / w2²"]]],
    [5, [[3, w[4], "w4"], [4, w[3], "w3"]]],
    [4, [[1, Math.cos(w[1]), "cos w1"]]],
    [3, [[1, -Math.sin(w[1]), "−sin w1"]]],
  ]
}

/** Gradients after the first `count` nodes have handed theirs back; 7 has its own at once, which is 1. */
export function backward(w, count = 5) {
  const g = [undefined, 0, 0, 0, 0, 0, 0, 1]
  for (const [node, ways] of rates(w).slice(0, count)) for (const [source, rate] of ways) g[source] += rate * g[node]
  return g
}

const SPOTS = [undefined, [80, 200], [80, 470], [270, 75], [270, 250], [460, 150], [420, 480], [630, 310]]
const TEXTS = [undefined, "x", "y", "cos w₁", "sin w₁", "w₃ · w₄", "w₁ / w₂", "w₅ + w₆"]
const USES = [[1, 3], [1, 4], [3, 5], [4, 5], [1, 6], [2, 6], [5, 7], [6, 7]]
const FORWARD = 5
const LAST = FORWARD + 6
const RADIUS = 42
const sub = node => "₀₁₂₃₄₅₆₇"[node]

function shape(tag, options, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(options)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

/** Step 0 knows x and y; steps 1 to 5 go forward; step 6 puts 1 at the end; steps 7 to 11 let a node hand back. */
define("graph", class extends Explorer {
  begin() {
    return { x: 2, y: 4, step: FORWARD }
  }

  build() {
    const svg = shape("svg", { viewBox: "0 0 710 560", class: "graph", "aria-hidden": "true" })
    this.links = USES.map(([from, to]) => {
      const [[x0, y0], [x1, y1]] = [SPOTS[from], SPOTS[to]]
      const far = Math.hypot(x1 - x0, y1 - y0)
      const [ux, uy] = [(x1 - x0) / far, (y1 - y0) / far]
      const arrow = (fromX, fromY, toX, toY, vx, vy) => shape("g", {},
        shape("path", { d: `M${fromX} ${fromY}L${toX} ${toY}` }),
        shape("path", { d: `M${toX - 11 * vx + 6 * vy} ${toY - 11 * vy - 6 * vx}L${toX} ${toY}L${toX - 11 * vx - 6 * vy} ${toY - 11 * vy + 6 * vx}` }))
      const [startX, startY, endX, endY] = [x0 + ux * (RADIUS + 5), y0 + uy * (RADIUS + 5), x1 - ux * (RADIUS + 5), y1 - uy * (RADIUS + 5)]
      const line = arrow(startX, startY, endX, endY, ux, uy)
      const back = arrow(endX, endY, startX, startY, -ux, -uy)
      const label = shape("text", { class: "graph-rate", x: (x0 + x1) / 2, y: (y0 + y1) / 2 + 5 })
      svg.append(line, back)
      return { from, to, line, back, label }
    })
    this.nodes = SPOTS.slice(1).map(([x, y], n) => {
      const [value, gradient] = [shape("text", { class: "graph-value", x, y: y - RADIUS - 10 }), shape("text", { class: "graph-gradient", x, y: y + RADIUS + 24 })]
      value.dataset.shows = `w${n + 1}`
      gradient.dataset.shows = `g${n + 1}`
      const circle = shape("circle", { cx: x, cy: y, r: RADIUS })
      svg.append(circle, shape("text", { class: "graph-name", x, y: y - 4 }, `w${sub(n + 1)}`), shape("text", { class: "graph-text", x, y: y + 18 }, TEXTS[n + 1]), value, gradient)
      return { circle, value, gradient }
    })
    svg.append(...this.links.map(({ label }) => label))
    this.stage.append(svg)
    this.x = slider("x, in radians", { min: -3, max: 6.2, step: 0.1, value: 2, change: x => this.go({ x }) })
    this.y = slider("y", { min: 0.5, max: 8, step: 0.1, value: 4, change: y => this.go({ y }) })
    this.back = make("button", { type: "button", onclick: () => { this.pause(); this.go({ step: Math.max(0, this.state.step - 1) }) } }, "Step back")
    this.controls(this.x, this.y)
    this.controls(this.back, ...this.player(() => this.advance(), 1500), make("button", { type: "button", onclick: () => { this.pause(); this.go({ step: 0 }) } }, "Start over"))
  }

  advance() {
    const step = this.state.step === LAST ? 0 : this.state.step + 1
    this.go({ step })
    return step < LAST
  }

  draw() {
    const { x, y, step } = this.state
    const w = forward(x, y)
    const handed = Math.max(0, step - FORWARD - 1)
    const ways = rates(w)
    const g = backward(w, handed)
    this.found = { w, g, ways, handed }
    this.x.value = x
    this.y.value = y
    this.back.disabled = step === 0
    const active = step > FORWARD + 1 ? ways[handed - 1] : undefined
    const reached = new Set(step > FORWARD ? [7, ...ways.slice(0, handed).flatMap(([, sources]) => sources.map(([source]) => source))] : [])
    this.nodes.forEach(({ circle, value, gradient }, n) => {
      const node = n + 1
      const known = node <= 2 + Math.min(step, FORWARD)
      const now = step <= FORWARD ? node === step + 2 && step > 0 : step === FORWARD + 1 ? node === 7 : node === active[0]
      circle.setAttribute("class", now ? "graph-now" : known ? "" : "graph-dim")
      value.textContent = known ? w[node].toFixed(3).replace("-", "−") : ""
      gradient.textContent = reached.has(node) ? g[node].toFixed(3).replace("-", "−") : ""
    })
    for (const { from, to, line, back, label } of this.links) {
      const forwards = step > 0 && step <= FORWARD && to === step + 2
      line.setAttribute("class", `graph-link ${forwards ? "graph-now" : ""}`)
      const rate = active?.[0] === to ? active[1].find(([source]) => source === from)[1] : undefined
      const done = ways.slice(0, handed).some(([node]) => node === to)
      back.setAttribute("class", `graph-back ${rate !== undefined ? "graph-now" : done ? "" : "graph-none"}`)
      line.style.visibility = rate !== undefined || done ? "hidden" : ""
      label.textContent = rate === undefined ? "" : `× ${number(rate, 3)}`
    }
  }

  sentence() {
    const { x, y, step } = this.state
    const { w, g, ways, handed } = this.found
    const show = value => number(value, 3)
    const part = value => factor(value, 3)
    if (step === 0) return `Forward: x and y are given, w₁ = ${show(x)}, w₂ = ${show(y)}.`
    const forwards = [`w₃ = cos ${show(x)} = ${show(w[3])}`, `w₄ = sin ${show(x)} = ${show(w[4])}`, `w₅ = w₃ · w₄ = ${show(w[3])} · ${part(w[4])} = ${show(w[5])}`, `w₆ = w₁ / w₂ = ${show(x)} / ${show(y)} = ${show(w[6])}`, `w₇ = w₅ + w₆ = ${show(w[5])} + ${part(w[6])} = ${show(w[7])}`]
    if (step <= FORWARD) return `Forward: ${forwards[step - 1]}.${step === FORWARD ? " The values are there; the next step begins at the end, with the gradients." : ""}`
    if (step === FORWARD + 1) return "Backward: w₇ follows itself at rate 1, so its gradient is 1."
    const [node, sources] = ways[handed - 1]
    const before = backward(w, handed - 1)
    const gets = sources.map(([source, rate, how]) => {
      const came = rate * before[node]
      const had = source === 1 && before[1] !== 0 ? `; together with what had come, ${show(before[1])} + ${part(came)} = ${show(g[1])}` : ""
      const rule = how === "1" ? "" : `, the rate being ${how.replace(/w(\d)/g, (_, digit) => `w${sub(digit)}`)}`
      return `w${sub(source)} gets ${show(before[node])} · ${part(rate)} = ${show(came)}${rule}${had}`
    })
    return `Backward from w${sub(node)}: ${gets.join("; ")}.${step === LAST ? " Three ways lead to w₁, and they add up." : ""}`
  }
})
