// Pooling: windows over a small map, also where they stick out over its edge.
import { Explorer, Grid, choice, clamp, define, number, panel, slider, then, toggle, make } from "./figure.js"

const VALUES = [  // its corner is the map of the text
  [1, 0, 1, 4, 2, 6, 1, 5], [0, 3, 0, 3, 0, 2, 7, 1], [1, 0, 1, 2, 4, 1, 3, 0], [1, 0, 8, 5, 2, 3, 0, 6],
  [4, 2, 1, 0, 9, 1, 5, 2], [3, 5, 0, 6, 1, 4, 2, 8], [0, 1, 7, 2, 3, 0, 6, 1], [2, 4, 3, 1, 5, 8, 0, 3],
]

/** First cells of the windows along a side; in ceil mode also of those that stick out, but begin on the map. */
export function firsts(cells, size, stride, ceil) {
  return Array.from({ length: cells }, (_, cell) => cell).filter(cell => cell % stride === 0 && (ceil ? cell < cells - size + stride : cell + size <= cells))
}

/** The cells of a window that exist. */
export function members({ values, cells, size }, top, left) {
  return values.slice(top, Math.min(top + size, cells)).flatMap(row => row.slice(left, Math.min(left + size, cells)))
}

export const kept = (way, members) => way === "max" ? Math.max(...members) : members.reduce((sum, one) => sum + one, 0) / members.length

define("pool", class extends Explorer {
  begin() {
    const { cells = 5, size = 2, stride = 2 } = this.dataset
    return { values: structuredClone(VALUES), cells: +cells, size: +size, stride: +stride, way: "max", ceil: this.dataset.ceil !== undefined, row: 0, column: 0 }
  }

  build() {
    const row = this.row = make("div", { class: "explore-row" })
    this.formula = make("output", { class: "pool-formula" })
    this.stage.append(row, this.formula)
    this.way = choice("keep", { max: "maximum", mean: "mean" }, way => this.go({ way }))
    this.ceil = toggle("windows that stick out count, too", ceil => this.go({ ceil }))
    this.knobs = {
      cells: slider("cells", { min: 2, max: 8, value: 5, change: cells => this.go({ cells }) }),
      size: slider("window", { min: 1, max: 4, value: 2, change: size => this.go({ size }) }),
      stride: slider("stride", { min: 1, max: 4, value: 2, change: stride => this.go({ stride }) }),
    }
    this.controls(...this.player(() => this.advance()), this.way, this.ceil)
    this.controls(...Object.values(this.knobs))
  }

  /** The grids have as many cells as the state wants; they are made anew when that changes. */
  grids(cells, count) {
    if (this.map?.rows !== cells) {
      this.map = new Grid("map", cells, cells, { editable: "map" })
      this.frame = this.map.frame()
      this.map.cells.forEach((input, place) => input.addEventListener("input", () => {
        if (!Number.isFinite(input.valueAsNumber)) return
        this.state.values[Math.floor(place / cells)][place % cells] = input.valueAsNumber
        this.go({})
      }))
    }
    if (this.out?.rows !== count) {
      const focused = this.out?.node === document.activeElement
      this.out = new Grid("pooled", count, count)
      this.here = this.out.frame()
      this.out.movable("window, by its place on the pooled map; arrow keys move it", ({ row, column, down = 0, right = 0 }) => {
        this.pause()
        this.go({ row: row ?? this.state.row + down, column: column ?? this.state.column + right })
      })
      if (focused) requestAnimationFrame(() => this.out.node.focus())
    }
    const parts = [this.map.node, this.out.node]
    if (parts.some(part => !this.row.contains(part))) this.row.replaceChildren(panel("map", this.map.node), ...(count ? [then("→", panel("pooled", this.out.node))] : []))
    this.stage.style.setProperty("--fit", 16)
  }

  advance() {
    const { cells, size, stride, ceil, row, column } = this.state
    const side = firsts(cells, size, stride, ceil).length
    const next = (row * side + column + 1) % (side * side || 1)
    this.go({ row: Math.floor(next / side), column: next % side })
    return next + 1 < side * side
  }

  draw() {
    const { values, cells, size, stride, way, ceil } = this.state
    const starts = firsts(cells, size, stride, ceil)
    const last = Math.max(0, starts.length - 1)
    const row = this.state.row = clamp(this.state.row, 0, last)
    const column = this.state.column = clamp(this.state.column, 0, last)
    this.grids(cells, starts.length)
    for (const [name, knob] of Object.entries(this.knobs)) knob.value = this.state[name]
    this.way.value = way
    this.ceil.value = ceil
    const looked = new Set(starts.flatMap(start => Array.from({ length: size }, (_, offset) => start + offset)))
    const most = Math.max(...values.flat().map(Math.abs))
    for (let i = 0; i < cells; i++) {
      for (let j = 0; j < cells; j++) {
        this.map.write(i, j, values[i][j])
        this.map.tone(i, j, values[i][j], most)
        this.map.cell(i, j).classList.toggle("explore-unseen", !looked.has(i) || !looked.has(j))
      }
    }
    starts.forEach((top, i) => starts.forEach((left, j) => {
      const value = kept(way, members(this.state, top, left))
      this.out.write(i, j, value)
      this.out.tone(i, j, value, most)
    }))
    const over = starts.length ? Math.max(0, starts.at(-1) + size - cells) : 0
    this.map.node.style.setProperty("--over", over)
    starts.length ? this.frame(starts[row], starts[column], size) : this.frame()
    this.here(row, column)
    this.formula.textContent = this.worked()
  }

  worked() {
    const { cells, size, stride, ceil } = this.state
    const count = firsts(cells, size, stride, ceil).length
    if (!count) return "no window"
    const [open, close] = ceil ? "⌈⌉" : "⌊⌋"
    const steps = (cells - size) / stride
    const plain = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1
    const less = plain > count ? " − 1" : ""
    return `${open}(${cells} − ${size}) / ${stride}${close} + 1${less} = ${count} window${count === 1 ? "" : "s"} along a side${less ? "; the one left out would begin at the edge" : ""}`
  }

  sentence() {
    const { cells, size, stride, ceil, way, row, column } = this.state
    const starts = firsts(cells, size, stride, ceil)
    if (!starts.length) return `A window of ${size}×${size} does not fit on ${cells}×${cells} cells.`
    const inside = members(this.state, starts[row], starts[column])
    const numbers = inside.map(one => number(one))
    const result = number(kept(way, inside))
    const told = way === "max" ? `the largest of ${numbers.join(", ")} is ${result}` : `(${numbers.join(" + ")}) / ${inside.length} = ${result}`
    const whole = inside.length === size * size ? "" : `, of which ${inside.length} exist${inside.length === 1 ? "s" : ""}`
    const end = starts.at(-1) + size
    const missed = end < cells && stride <= size ? ` The last ${cells - end === 1 ? "row and column are" : `${cells - end} rows and columns are`} not looked at.` : ""
    return `Window in row ${row}, column ${column}, ${size}×${size} cells${whole}: ${told}.${missed}`
  }
})
