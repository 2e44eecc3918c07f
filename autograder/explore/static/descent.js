// Drop a ball into the narrow valley of chapter 8, and let gradient descent and Adam roll it down, each at its rate.
import { Explorer, clamp, define, make, number, slider } from "./figure.js"

/** Forty times as steep across as along. */
export const loss = ([a, b]) => 0.5 * (a * a + 40 * b * b)

export const slope = ([a, b]) => [a, 40 * b]

/** One step of gradient descent. */
export const sgd = (theta, g, alpha) => theta.map((place, n) => place - alpha * g[n])

/** The state of Adam before the first step. */
export const rest = () => ({ m: [0, 0], v: [0, 0], t: 0 })

/** One step of Adam: where it leads, and the state after it; what was handed in stays as it was. */
export function adam(theta, g, before, alpha, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8) {
  const t = before.t + 1
  const m = before.m.map((mean, n) => beta1 * mean + (1 - beta1) * g[n])
  const v = before.v.map((mean, n) => beta2 * mean + (1 - beta2) * g[n] ** 2)
  const moved = theta.map((place, n) => {
    const [mean, square] = [m[n] / (1 - beta1 ** t), v[n] / (1 - beta2 ** t)]
    return place - (alpha * mean) / (Math.sqrt(square) + epsilon)
  })
  return [moved, { m, v, t }]
}

/** Both ways from a place, so many steps. */
export function paths(start, rates, steps) {
  const ways = { sgd: [start], adam: [start] }
  let state = rest()
  for (let step = 0; step < steps; step++) {
    ways.sgd.push(sgd(ways.sgd[step], slope(ways.sgd[step]), rates.sgd))
    const [moved, after] = adam(ways.adam[step], slope(ways.adam[step]), state, rates.adam)
    ways.adam.push(moved)
    state = after
  }
  return ways
}

const MOST = 60
const [LEFT, RIGHT, LOW, HIGH] = [-10, 4, -2, 2]
const [WIDTH, HEIGHT] = [420, 300]
const across = a => ((a - LEFT) / (RIGHT - LEFT)) * WIDTH
const down = b => ((HIGH - b) / (HIGH - LOW)) * HEIGHT
const [FLOOR, CEILING] = [-3, 4]  // powers of ten of the loss

function shape(tag, options = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(options)) node.setAttribute(name, value)
  node.append(...children)
  return node
}

const brief = value => (Math.abs(value) >= 1e5 ? value.toExponential(1).replace("e+", " · 10^").replace("-", "−") : number(value, 3))

define("descent", class extends Explorer {
  begin() {
    return { start: [-9, 1.5], rates: { sgd: 0.047, adam: 0.5 }, steps: MOST }
  }

  build() {
    const map = this.map = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "descent-map", tabindex: "0", role: "application", "aria-roledescription": "map of the loss", "aria-label": "Where the ball is dropped; arrow keys move it" })
    for (const level of [0.3, 0.6, 1.2, 2.4, 4.8, 9, 18, 35, 65, 120]) {
      map.append(shape("ellipse", { cx: across(0), cy: down(0), rx: across(Math.sqrt(2 * level)) - across(0), ry: down(0) - down(Math.sqrt(level / 20)) }))
    }
    map.append(shape("path", { class: "descent-end", d: `M${across(0) - 7} ${down(0) - 7}l14 14m0 -14l-14 14`, style: "stroke: var(--ex-ink) !important" }))
    map.append(shape("text", { x: WIDTH - 18, y: down(0) - 6 }, "θ₀"), shape("text", { x: across(0) + 8, y: 16 }, "θ₁"))
    const plot = this.plot = shape("svg", { viewBox: "0 0 300 300", "aria-hidden": "true" })
    for (let ten = FLOOR; ten <= CEILING; ten++) {
      plot.append(shape("line", { x1: 56, x2: 296, y1: this.height(10 ** ten), y2: this.height(10 ** ten) }))
      if (ten % 2 === 0) plot.append(shape("text", { x: 50, y: this.height(10 ** ten) + 5, "text-anchor": "end" }, number(10 ** ten, 3)))
    }
    plot.append(shape("text", { x: 176, y: 296, "text-anchor": "middle" }, `loss, step 0 to ${MOST}`))
    this.ways = {}
    for (const name of ["sgd", "adam"]) {
      const parts = { line: shape("polyline", { class: name }), dots: shape("path", { class: name }), ball: shape("circle", { class: name, r: 7 }), curve: shape("polyline", { class: name }), tip: shape("circle", { class: name, r: 5 }) }
      map.append(parts.line, parts.dots, parts.ball)
      plot.append(parts.curve, parts.tip)
      this.ways[name] = parts
    }
    this.begun = shape("circle", { class: "descent-start", r: 4 })
    map.append(this.begun)
    map.addEventListener("pointerdown", event => {
      if (event.button !== 0) return
      const box = map.getBoundingClientRect()
      this.drop(LEFT + ((event.clientX - box.left) / box.width) * (RIGHT - LEFT), HIGH - ((event.clientY - box.top) / box.height) * (HIGH - LOW))
    })
    const keys = { ArrowUp: [0, 0.1], ArrowDown: [0, -0.1], ArrowLeft: [-0.5, 0], ArrowRight: [0.5, 0] }
    map.addEventListener("keydown", event => {
      if (!keys[event.key] || event.altKey || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      this.drop(...this.state.start.map((place, n) => place + keys[event.key][n]))
    })
    const rate = (label, name, min, max) => slider(label, { min, max, step: min, value: min, change: rate => this.go({ rates: { ...this.state.rates, [name]: rate } }), text: rate => number(rate, 3) })
    this.rates = { sgd: rate("SGD, rate", "sgd", 0.001, 0.06), adam: rate("Adam, rate", "adam", 0.01, 1.5) }
    for (const name of ["sgd", "adam"]) this.rates[name].classList.add(name)
    this.stage.append(make("div", { class: "descent" }, map, plot))
    this.controls(this.rates.sgd, this.rates.adam).classList.add("descent-rates")
    this.controls(...this.player(() => this.advance(), 250), make("button", { type: "button", onclick: () => { this.pause(); this.go({ steps: 0 }) } }, "Start over"))
  }

  height(value) {
    return 12 + ((CEILING - clamp(Math.log10(value), FLOOR, CEILING)) / (CEILING - FLOOR)) * 258
  }

  drop(a, b) {
    this.pause()
    this.go({ start: [clamp(Math.round(10 * a) / 10, LEFT, RIGHT), clamp(Math.round(20 * b) / 20, LOW, HIGH)] })
  }

  advance() {
    const steps = this.state.steps === MOST ? 0 : this.state.steps + 1
    this.go({ steps })
    return steps < MOST
  }

  draw() {
    const { start, rates, steps } = this.state
    this.found = paths(start, rates, steps)
    for (const name of ["sgd", "adam"]) {
      this.rates[name].value = rates[name]
      const parts = this.ways[name]
      // far outside of the map a line needs no exact place, and a browser draws no infinite one
      const spots = this.found[name].map(([a, b]) => [across(clamp(a, -99, 99)), down(clamp(b, -99, 99))].map(place => Number(place.toFixed(1))))
      parts.line.setAttribute("points", spots.join(" "))
      parts.dots.setAttribute("d", spots.map(([x, y]) => `M${x - 2.5} ${y}a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0`).join(""))
      const [x, y] = spots.at(-1)
      parts.ball.setAttribute("cx", x)
      parts.ball.setAttribute("cy", y)
      const curve = this.found[name].map((theta, step) => [56 + step * 4, this.height(loss(theta))])
      parts.curve.setAttribute("points", curve.join(" "))
      parts.tip.setAttribute("cx", curve.at(-1)[0])
      parts.tip.setAttribute("cy", curve.at(-1)[1])
    }
    this.begun.setAttribute("cx", across(start[0]))
    this.begun.setAttribute("cy", down(start[1]))
  }

  sentence() {
    const { start, rates, steps } = this.state
    const at = theta => `(${theta.map(place => brief(place)).join(", ")})`
    if (!steps) return `Before the first step both balls lie at ${at(start)}, where the loss is ½ · (${number(start[0])}² + 40 · ${number(start[1])}²) = ${number(loss(start), 3)}.`
    const end = name => this.found[name].at(-1)
    const [before, after] = this.found.sgd.slice(-2)
    return `After ${steps} ${steps === 1 ? "step" : "steps"}: SGD at ${at(end("sgd"))}, loss ${brief(loss(end("sgd")))}; Adam at ${at(end("adam"))}, loss ${brief(loss(end("adam")))}. Across, each step of SGD multiplies θ₁ by 1 − 40 · ${number(rates.sgd, 4)} = ${number(1 - 40 * rates.sgd, 3)}: the last one took ${brief(before[1])} to ${brief(after[1])}.`
  }
})
