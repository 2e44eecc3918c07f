// X or not X: draw on 5×5 cells, and follow the 95 numbers of network 1 to a probability and its log loss.
import { Explorer, Grid, choice, clamp, define, factor, make, number, panel, sign, then } from "./figure.js"
import { conv2d, linear, maxPool2d, relu, volume } from "./layers.js"
import { x } from "./xweights.js"

const NET = Object.fromEntries(Object.entries(x.params).map(([name, { shape, values }]) => [name, volume(shape, Float64Array.from(values))]))
const FILTERS = 4

/** The sigmoid that breaks at neither end. */
export const sigmoid = (z) => (z >= 0 ? 1 / (1 + Math.exp(-z)) : Math.exp(z) / (1 + Math.exp(z)))

/** Log loss of one example: p is kept between 1e-12 and 1 − 1e-12, as in chapter 6. */
export function logLoss(p, y) {
  const kept = Math.min(Math.max(p, 1e-12), 1 - 1e-12)
  return -(y * Math.log(kept) + (1 - y) * Math.log(1 - kept))
}

/** All stages of a drawing, a list of 25 numbers, ink 1 or paper 0. */
export function stages(drawing) {
  const response = conv2d(volume([5, 5, 1], Float64Array.from(drawing)), NET["conv1.w"], NET["conv1.b"].data)
  const after = relu(response)
  const pooled = maxPool2d(after, 2, true)
  const sums = linear(pooled, NET["linear1.w"], NET["linear1.b"].data)
  const hidden = relu(sums)
  const logit = linear(hidden, NET["linear2.w"], NET["linear2.b"].data).data[0]
  return { response, after, pooled, sums, hidden, logit, p: sigmoid(logit) }
}

const flat = name => x.drawings[name].flat()

define("smallx", class extends Explorer {
  begin() {
    return { drawing: flat("X"), isX: 1, row: 2, column: 2 }
  }

  build() {
    const paper = this.paper = new Grid("drawing", 5, 5)
    this.cursor = paper.frame()
    paper.node.classList.add("smallx-paper")
    paper.node.addEventListener("pointerdown", () => { this.ink = undefined })
    paper.movable("drawing of 5 by 5 cells; arrow keys move, space sets and wipes ink", where => this.move(where))
    paper.node.addEventListener("keydown", event => {
      if (event.key !== " " && event.key !== "Enter") return
      event.preventDefault()
      const { drawing, row, column } = this.state
      this.set(row, column, 1 - drawing[row * 5 + column])
    })
    for (const name of ["focus", "blur"]) paper.node.addEventListener(name, () => this.draw())
    this.truth = choice("It is", { 1: "an X", 0: "no X" }, value => this.go({ isX: Number(value) }))
    const button = (words, drawing, isX) => make("button", { type: "button", onclick: () => this.go({ drawing, isX }) }, words)
    const examples = Object.keys(x.drawings).map(name => button(name, flat(name), name === "plus" || name === "ring" ? 0 : 1))
    const rows = [["filter", 3], ["plus bias", 3], ["ReLU", 3], ["pooled", 2]]
    this.maps = rows.map(([title, side]) => Array.from({ length: FILTERS }, (_, k) => new Grid(`${title}${k}`, side, side)))
    const table = make("div", { class: "smallx-maps" }, ...rows.flatMap(([title], n) => [make("div", { class: "smallx-title" }, title), ...this.maps[n].map(grid => grid.node)]))
    this.neurons = new Grid("hidden", 1, 3)
    this.out = Object.fromEntries(["logit", "p", "loss"].map(name => [name, make("output", { class: "smallx-out", "data-shows": name })]))
    this.stage.append(
      make("div", { class: "explore-row smallx" },
        panel("your drawing", paper.node), sign("→"), table),
      make("div", { class: "explore-row smallx-end" },
        panel("hidden neurons", this.neurons.node), then("→", panel("logit", this.out.logit)), then("→", panel("p of an X", this.out.p)), then("→", panel("log loss", this.out.loss))))
    this.controls(...examples, button("empty", Array(25).fill(0), 0))
    this.controls(this.truth)
  }

  move({ row, column, down = 0, right = 0 }) {
    const { drawing } = this.state
    if (row === undefined) this.go({ row: clamp(this.state.row + down, 0, 4), column: clamp(this.state.column + right, 0, 4) })
    else {
      this.ink ??= 1 - drawing[row * 5 + column]  // the first cell of a stroke decides whether it draws or wipes
      this.set(row, column, this.ink)
    }
  }

  set(row, column, ink) {
    this.go({ row, column, drawing: this.state.drawing.with(row * 5 + column, ink) })
  }

  draw() {
    const { drawing, isX, row, column } = this.state
    const found = this.found = stages(drawing)
    drawing.forEach((ink, place) => this.paper.cell(Math.floor(place / 5), place % 5).classList.toggle("smallx-ink", ink === 1))
    this.paper.node.matches(":focus-visible") ? this.cursor(row, column) : this.cursor()
    const shown = [NET["conv1.w"], found.response, found.after, found.pooled]
    shown.forEach(({ data }, n) => {
      const most = Math.max(...(n ? found.response.data : data).map(Math.abs))
      for (let k = 0; k < FILTERS; k++) {
        const grid = this.maps[n][k]
        grid.cells.forEach((_, place) => {
          const value = data[place * FILTERS + k]
          const at = [Math.floor(place / grid.columns), place % grid.columns]
          grid.write(...at, value, 1)
          grid.tone(...at, value, most)
        })
      }
    })
    const strongest = Math.max(1, ...found.sums.data.map(Math.abs))
    found.hidden.data.forEach((value, m) => {
      this.neurons.write(0, m, value, 1)
      this.neurons.tone(0, m, value, strongest)
    })
    this.truth.value = String(isX)
    this.loss = logLoss(found.p, isX)
    this.out.logit.textContent = number(found.logit)
    this.out.p.textContent = found.p.toFixed(4)
    this.out.loss.textContent = this.loss.toFixed(4)
  }

  sentence() {
    const { drawing, isX, row, column } = this.state
    const hand = this.paper.node.matches(":focus-visible") ? ` Row ${row}, column ${column} is ${drawing[row * 5 + column] ? "ink" : "paper"}.` : ""
    const { hidden, logit, p } = this.found
    const terms = Array.from(hidden.data, (value, m) => `${number(value)}·${factor(NET["linear2.w"].data[m])}`)
    const right = isX ? p : 1 - p
    return `The hidden neurons give ${Array.from(hidden.data, value => number(value)).join(", ")}; the logit is ${terms.join(" + ")} + ${factor(NET["linear2.b"].data[0])} = ${number(logit)}, the probability of an X 1 / (1 + e^${number(-logit)}) = ${p.toFixed(4)}. It is ${isX ? "an X" : "no X"}: the log loss is −ln ${right.toFixed(4)} = ${this.loss.toFixed(4)}.${hand}`
  }
})
