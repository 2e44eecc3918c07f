// Backward through a convolution and through max pooling: what an output stamps, and what an input gathers.
import { Explorer, Grid, choice, clamp, define, factor, make, number, panel, then } from "./figure.js"

const zeros = matrix => matrix.map(row => row.map(() => 0))
const places = matrix => matrix.flatMap((row, i) => row.map((_, j) => [i, j]))
const total = numbers => numbers.reduce((sum, one) => sum + one, 0)

/** The links of a convolution at stride 1: each output (i, j) with each pixel (r, c) that it saw, and at what rate. */
export function convolutionLinks({ g, w }) {
  return places(g).flatMap(([i, j]) => places(w).map(([u, v]) => ({ i, j, r: i + u, c: j + v, u, v, rate: w[u][v] })))
}

/** The links of max pooling: each window with its largest cell, the first in reading order, and how many are as large. */
export function poolingLinks({ g, x, size, stride }) {
  return places(g).map(([i, j]) => {
    const cells = Array.from({ length: size * size }, (_, n) => [i * stride + Math.floor(n / size), j * stride + (n % size)])
    const most = Math.max(...cells.map(([r, c]) => x[r][c]))
    const tied = cells.filter(([r, c]) => x[r][c] === most)
    const [r, c] = tied[0]
    return { i, j, r, c, rate: 1, ties: tied.length, most }
  })
}

/** The gradient of the input: over every link an output's gradient, times the rate, is added to a pixel. */
export function gather(links, g, x) {
  const dx = zeros(x)
  for (const { i, j, r, c, rate } of links) dx[r][c] += rate * g[i][j]
  return dx
}

/** The example of chapter 7. */
const CONVOLUTION = { x: [[1, 2, 0], [0, 1, 3], [2, 1, 1]], w: [[2, 1], [-1, 3]], g: [[1, -2], [3, 2]], size: 2, stride: 1 }
const POOLINGS = {
  apart: { x: [[1, 3, 2, 7], [8, 4, 5, 0], [2, 9, 1, 4], [6, 5, 3, 6]], g: [[10, -20], [30, 40]], size: 2, stride: 2 },
  overlapping: { x: [[1, 2, 3], [4, 9, 5], [6, 7, 8]], g: [[1, 2], [3, 4]], size: 2, stride: 1 },
  ties: { x: [[5, 5, 1, 3], [5, 5, 3, 2], [4, 0, 7, 6], [2, 4, 7, 7]], g: [[8, -3], [6, 5]], size: 2, stride: 2 },
}
const dice = (low, high) => low + Math.floor(Math.random() * (high - low + 1))

define("backward", class extends Explorer {
  begin() {
    const pools = this.dataset.layer === "pool"
    return { ...structuredClone(pools ? POOLINGS.apart : CONVOLUTION), pools, scene: "apart", from: "output", i: 0, j: pools ? 0 : 1, r: 1, c: 1 }
  }

  build() {
    this.row = make("div", { class: "explore-row" })
    this.stage.append(this.row)
    this.lay()
    const { pools } = this.state
    this.windows = choice("Windows", { apart: "apart", overlapping: "overlapping", ties: "ties" }, scene => {
      this.state = { ...this.begin(), ...structuredClone(POOLINGS[scene]), scene }
      this.lay()
      this.go({})
    })
    this.controls(...(pools ? [this.windows] : []), make("button", { type: "button", onclick: () => this.other() }, "Other numbers"))
  }

  /** Lay out the grids for the sizes of the state. */
  lay() {
    const { x, g, w, pools } = this.state
    const grid = (name, { length }) => new Grid(name, length, length)
    this.grids = { x: grid("x", x), g: grid("g", g), w: w && grid("w", w), stamp: grid("stamp", x), terms: grid("terms", g), dx: grid("dx", x) }
    const { grids } = this
    this.frames = Object.fromEntries(["g", "dx", "stamp", "x"].map(name => [name, grids[name].frame()]))
    this.picks(grids.g, "upstream gradient: choose an output", "output", g.length, "i", "j")
    this.picks(grids.dx, "gradient of the input: choose a pixel", "input", x.length, "r", "c")
    this.middle = make("div", { class: "explore-title" })
    this.row.replaceChildren(
      ...(pools ? [panel("input x", grids.x.node)] : []),
      pools ? then("", panel("upstream g", grids.g.node)) : panel("upstream g", grids.g.node),
      ...(pools ? [] : [then("×", panel("filter w", grids.w.node))]),
      then(pools ? "→" : "=", make("div", { class: "explore-panel" }, this.middle, make("div", { class: "backward-middle" }, grids.stamp.node, grids.terms.node))),
      then("→", panel("sum: dx", grids.dx.node)))
  }

  /** Choose a cell of a grid by keys, a click or a mouse that passes over it. */
  picks(grid, label, from, side, row, column) {
    const pick = where => this.go({
      from,
      [row]: clamp(where.row ?? this.state[row] + (this.state.from === from ? where.down : 0), 0, side - 1),
      [column]: clamp(where.column ?? this.state[column] + (this.state.from === from ? where.right : 0), 0, side - 1),
    })
    grid.movable(label, pick)
    grid.node.addEventListener("pointermove", event => {
      if (event.pointerType !== "mouse" || event.buttons) return
      const where = grid.under(event)
      if (this.state.from !== from || where.row !== this.state[row] || where.column !== this.state[column]) pick(where)
    })
    grid.node.addEventListener("focus", () => { if (this.state.from !== from && grid.node.matches(":focus-visible")) this.go({ from }) })
  }

  other() {
    const { x, g, w, pools, scene } = this.state
    const draw = (matrix, low, high) => matrix.map(row => row.map(() => dice(low, high)))
    this.go(pools ? { x: draw(x, 0, scene === "ties" ? 2 : 9), g: draw(g, -9, 9) } : { w: draw(w, -3, 3), g: draw(g, -3, 3) })
  }

  draw() {
    const { x, g, w, size, stride, pools, from, i, j, r, c } = this.state
    const { grids, frames } = this
    const links = pools ? poolingLinks(this.state) : convolutionLinks(this.state)
    const dx = gather(links, g, x)
    const chosen = links.filter(link => (from === "output" ? link.i === i && link.j === j : link.r === r && link.c === c))
    this.found = { links, dx, chosen }
    const most = Math.max(...[dx, g].flat(2).map(Math.abs))
    const show = (grid, matrix, largest, faint = () => false) => places(matrix).forEach(([row, column]) => {
      const value = matrix[row][column]
      grid.write(row, column, value)
      grid.tone(row, column, value, largest)
      grid.cell(row, column).classList.toggle("backward-off", faint(row, column))
    })
    const met = from === "input" && !pools ? (u, v) => !chosen.some(link => link.u === u && link.v === v) : undefined
    if (w) show(grids.w, w, Math.max(...w.flat().map(Math.abs)), met)
    show(grids.g, g, most, from === "input" ? (row, column) => !chosen.some(link => link.i === row && link.j === column) : undefined)
    show(grids.dx, dx, most)
    if (pools) {
      places(x).forEach(([row, column]) => {
        grids.x.write(row, column, x[row][column])
        grids.x.tone(row, column, links.some(link => link.r === row && link.c === column) ? 1 : 0, 2)
      })
    }
    // what one output stamps lies on the input's places, what one pixel gathers on the outputs'
    const stamps = from === "output"
    const [part, empty] = stamps ? [grids.stamp, zeros(x)] : [grids.terms, zeros(g)]
    const values = empty.map(row => row.map(() => undefined))
    for (const link of chosen) values[stamps ? link.r : link.i][stamps ? link.c : link.j] = link.rate * g[link.i][link.j]
    show(part, values, most)
    grids.stamp.node.style.visibility = stamps ? "" : "hidden"
    grids.terms.node.style.visibility = stamps ? "hidden" : ""
    this.middle.textContent = stamps ? (pools ? "where it goes" : "its stamp") : "gathered"
    stamps ? frames.g(i, j) : frames.g()
    for (const name of ["stamp", "x"]) stamps ? frames[name](i * stride, j * stride, size) : frames[name]()
    if (stamps) frames.dx(i * stride, j * stride, size)
    else {
      frames.dx(r, c)
      frames.x(r, c)
    }
    this.windows.value = this.state.scene
  }

  sentence() {
    const { g, size, stride, pools, from, i, j, r, c, x } = this.state
    const { chosen, dx } = this.found
    const name = (letter, row, column) => `${letter}${"₀₁₂₃₄₅"[row]}${"₀₁₂₃₄₅"[column]}`
    if (from === "output" && pools) {
      const [{ r, c, ties, most }] = chosen
      const tie = ties > 1 ? `stands in ${ties} cells, and the first in reading order, ${name("x", r, c)}, wins` : `stands in ${name("x", r, c)}`
      return `The output at row ${i}, column ${j} saw the window from ${name("x", i * stride, j * stride)} on. Its largest number, ${number(most)}, ${tie}: all of ${name("g", i, j)} = ${number(g[i][j])} goes there, and the other ${size * size - 1} cells get 0.`
    }
    if (from === "output") {
      const terms = chosen.map(({ r, c, rate }) => `${name("dx", r, c)} gets ${number(g[i][j])} · ${factor(rate)} = ${number(rate * g[i][j])}`)
      return `The output at row ${i}, column ${j} stamps ${name("g", i, j)} = ${number(g[i][j])} times the filter onto the window that it saw: ${terms.join(", ")}.`
    }
    if (pools && !chosen.length) return `The input ${name("x", r, c)} = ${number(x[r][c])} won no window: a small change of it changes no output, so it gathers 0.`
    const names = chosen.map(({ i, j, u, v }) => (pools ? name("g", i, j) : `${name("g", i, j)} · ${name("w", u, v)}`))
    const terms = chosen.map(({ i, j, rate }) => (pools ? factor(g[i][j]) : `${factor(g[i][j])} · ${factor(rate)}`))
    const won = pools ? `The input ${name("x", r, c)} = ${number(x[r][c])} won ${chosen.length} ${chosen.length === 1 ? "window" : "windows"}` : `The pixel at row ${r}, column ${c} was seen by ${chosen.length} ${chosen.length === 1 ? "output" : "outputs"}`
    return `${won} and gathers ${names.join(" + ")} = ${terms.join(" + ")} = ${number(total([dx[r][c]]))}.`
  }
})
