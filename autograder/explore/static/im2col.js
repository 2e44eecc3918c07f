// Windows of an image as the rows of a matrix: a window and its row, a pixel and all its copies, and a row times the filter.
import { Explorer, Grid, clamp, define, factor, make, number, panel, slider, then } from "./figure.js"

/** The image with its border of zeros, as an array of rows. */
export function framed({ x, padding }) {
  const side = x.length + 2 * padding
  return Array.from({ length: side }, (_, i) => Array.from({ length: side }, (_, j) => x[i - padding]?.[j - padding] ?? 0))
}

/** A row for each window: the cells of the framed image that it holds, as { i, j }. */
export function windows({ x, padding, stride, filter }) {
  const across = Math.floor((x.length + 2 * padding - filter) / stride) + 1
  return Array.from({ length: across * across }, (_, place) => Array.from({ length: filter * filter }, (_, tap) => ({
    i: Math.floor(place / across) * stride + Math.floor(tap / filter),
    j: (place % across) * stride + (tap % filter),
  })))
}

/** The 16 pixels of the figure, whose numbers are their places, and a filter; one of 2×2 is its upper left part. */
const START = { x: [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 13, 14, 15]], w: [[1, 2, 0], [-1, 1, 0], [0, 3, -2]] }
const TIMES = ["nowhere", "once", "twice"]

define("im2col", class extends Explorer {
  begin() {
    return { ...structuredClone(START), stride: 1, padding: 0, filter: 3, row: 0, column: 0, r: 1, c: 1 }
  }

  build() {
    const knob = (name, min, max) => slider(name, { min, max, value: this.state[name], change: value => {
      this.state[name] = value
      this.point(this.state.r, this.state.c)
    } })
    this.knobs = { filter: knob("filter", 2, 3), stride: knob("stride", 1, 2), padding: knob("padding", 0, 1) }
    this.controls(...Object.values(this.knobs))
    this.room = make("div", { class: "explore-row im2col-room" })
    this.stage.append(this.room)
  }

  /** Lay out the grids for the sizes of the state. */
  lay() {
    const { x, filter, padding } = this.state
    const [side, across, rows, taps] = [x.length + 2 * padding, this.across, this.across ** 2, filter ** 2]
    const grids = this.grids = {
      image: new Grid("image", side, side), filter: new Grid("filter", filter, filter), map: new Grid("map", across, across),
      matrix: new Grid("matrix", rows, taps), weights: new Grid("weights", taps, 1), entries: new Grid("entries", rows, 1),
    }
    this.frames = Object.fromEntries(["image", "matrix", "map", "entries"].map(name => [name, grids[name].frame()]))
    this.picks(grids.image, "image: choose a window", ({ row, column, down, right }) =>
      down === undefined ? this.point(row - this.state.padding, column - this.state.padding) : this.place(this.state.row + down, this.state.column + right))
    this.picks(grids.matrix, "matrix of windows: choose a row, and a number in it", ({ row, column, down, right }) => {
      const place = clamp(row ?? this.now + down, 0, rows - 1)
      this.place(Math.floor(place / across), place % across, clamp(column ?? this.tap + right, 0, taps - 1))
    })
    this.room.replaceChildren(
      make("div", { class: "im2col-left" }, panel("image", grids.image.node),
        make("div", { class: "explore-row" }, panel("filter", grids.filter.node), panel("map", grids.map.node))),
      make("div", { class: "explore-row im2col-right" }, panel(`windows, ${rows}×${taps}`, grids.matrix.node),
        then("·", panel("filter", grids.weights.node)), then("=", panel("map", grids.entries.node))))
  }

  /** Choose a cell of a grid by keys, a click, a finger, or a mouse that passes over it. */
  picks(grid, label, pick) {
    grid.movable(label, pick)
    let last
    grid.node.addEventListener("pointermove", event => {
      if (event.pointerType !== "mouse" || event.buttons) return
      const where = grid.under(event)
      if (where.row !== last?.row || where.column !== last.column) pick(last = where)
    })
    grid.node.addEventListener("pointerleave", () => { last = undefined })
  }

  /** How many places the window has in a row of the map. */
  get across() {
    const { x, padding, filter, stride } = this.state
    return Math.floor((x.length + 2 * padding - filter) / stride) + 1
  }

  /** The row of the matrix that is chosen. */
  get now() {
    return this.state.row * this.across + this.state.column
  }

  /** Where in the chosen window the chosen pixel stands, or would stand if it lay within. */
  get tap() {
    const { row, column, stride, padding, filter, r, c } = this.state
    const within = (pixel, place) => clamp(pixel + padding - place * stride, 0, filter - 1)
    return within(r, row) * filter + within(c, column)
  }

  /** Choose a place of the map; the pixel keeps its place in the window, or takes another one. */
  place(row, column, tap = this.tap) {
    const { stride, padding, filter } = this.state
    const [i, j] = [row, column].map(one => clamp(one, 0, this.across - 1))
    this.go({ row: i, column: j, r: i * stride - padding + Math.floor(tap / filter), c: j * stride - padding + (tap % filter) })
  }

  /** Choose a pixel, and the window around it. */
  point(r, c) {
    const { x, stride, padding, filter } = this.state
    const inside = pixel => clamp(pixel, -padding, x.length - 1 + padding)
    const near = pixel => clamp(Math.round((inside(pixel) + padding - (filter - 1) / 2) / stride), 0, this.across - 1)
    this.go({ r: inside(r), c: inside(c), row: near(r), column: near(c) })
  }

  draw() {
    const { x, w, stride, padding, filter, row, column, r, c } = this.state
    const laid = [x.length, stride, padding, filter].join()
    if (this.laid !== laid) this.lay()
    this.laid = laid
    for (const [name, knob] of Object.entries(this.knobs)) knob.value = this.state[name]
    const { grids, frames, now, across } = this
    const [cells, rows, weights] = [framed(this.state), windows(this.state), w.slice(0, filter).flatMap(line => line.slice(0, filter))]
    const entries = rows.map(taps => taps.reduce((sum, { i, j }, tap) => sum + cells[i][j] * weights[tap], 0))
    this.found = { cells, weights, entries, taps: rows[now], copies: rows.flat().filter(({ i, j }) => i === r + padding && j === c + padding).length }
    const show = (grid, down, right, { i, j }, lit) => {
      const { classList } = grid.write(down, right, cells[i][j])
      classList.toggle("im2col-zero", x[i - padding]?.[j - padding] === undefined)
      classList.toggle("im2col-lit", lit)
      classList.toggle("im2col-pixel", i === r + padding && j === c + padding)
    }
    cells.forEach((line, i) => line.forEach((_, j) => show(grids.image, i, j, { i, j }, rows[now].some(one => one.i === i && one.j === j))))
    rows.forEach((taps, place) => taps.forEach((cell, tap) => show(grids.matrix, place, tap, cell, place === now)))
    const most = Math.max(...weights.map(Math.abs))
    weights.forEach((weight, tap) => {
      for (const [grid, ...at] of [[grids.filter, Math.floor(tap / filter), tap % filter], [grids.weights, tap, 0]]) {
        grid.write(...at, weight)
        grid.tone(...at, weight, most)
      }
    })
    entries.forEach((entry, place) => {
      for (const [grid, ...at] of [[grids.map, Math.floor(place / across), place % across], [grids.entries, place, 0]]) {
        grid.write(...at, entry).classList.toggle("im2col-lit", place === now)
      }
    })
    frames.image(row * stride, column * stride, filter)
    frames.matrix(now, 0, 1, filter * filter)
    frames.map(row, column)
    frames.entries(now, 0)
  }

  sentence() {
    const { x, row, column, r, c } = this.state
    const { cells, weights, entries, taps, copies } = this.found
    const terms = taps.map(({ i, j }, tap) => `${factor(cells[i][j])}·${factor(weights[tap])}`)
    const times = TIMES[copies] ?? `${copies} times`
    const pixel = x[r]?.[c]
    const back = ["no window sees it, and col2im leaves 0 there", "col2im carries one number back to it"][copies] ?? `col2im adds up the ${copies} numbers that come back to it`
    const copied = pixel === undefined
      ? `The zero at row ${number(r)}, column ${number(c)} in the border stands ${times} in the matrix; col2im drops what comes back to it`
      : `The pixel ${number(pixel)} at row ${r}, column ${c} stands ${times} in the matrix: ${back}`
    return `Row ${this.now} of the matrix is the window at row ${row}, column ${column} of the map: ${terms.join(" + ")} = ${number(entries[this.now])}. ${copied}.`
  }
})
