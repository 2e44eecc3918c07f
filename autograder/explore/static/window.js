// A filter slides over a small image: the window, its products, their sum, and the map that fills.
import { Explorer, Grid, clamp, define, factor, make, number, panel, then, unpack } from "./figure.js"
import { petal } from "./pieces.js"

const planes = ({ shape: [height, width, channels], values }) =>
  Array.from({ length: channels }, (_, c) => Array.from({ length: height }, (_, i) => Array.from({ length: width }, (_, j) => values[(i * width + j) * channels + c])))

const SCENES = {
  block: { image: [[[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 5, 5, 2], [1, 1, 5, 5, 2], [1, 1, 5, 5, 2]]], filter: [[[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]], bias: 0, most: 5 },
  x: { image: [[[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]]], filter: [[[1, 0, 1], [0, 1, 0], [1, 0, 1]]], bias: -3, most: 1 },
  petal: { image: planes(unpack(petal)), filter: [1, 0, -1].map(weight => [0, 1, 2].map(() => [weight, weight, weight])), bias: -500, most: 255 },
}

const CHANNELS = ["red", "green", "blue"]

/** All products of the window at (row, column): an array like the filter. */
export function products({ image, filter }, row, column) {
  return filter.map((slice, c) => slice.map((weights, u) => weights.map((weight, v) => image[c][row + u][column + v] * weight)))
}

export const total = numbers => numbers.flat(Infinity).reduce((sum, one) => sum + one, 0)

define("window", class extends Explorer {
  begin() {
    const { scene = "block" } = this.dataset
    const { image, filter, bias } = structuredClone(SCENES[scene])
    this.most = SCENES[scene].most
    const start = scene === "petal" ? 1 : 0  // where the text has computed it
    return { image, filter, bias, relu: this.dataset.relu !== undefined, row: start, column: start, seen: [] }
  }

  build() {
    const { image, filter } = this.state
    const [height, width, side, deep] = [image[0].length, image[0][0].length, filter[0].length, image.length > 1]
    this.last = [height - side, width - side]
    this.biased = this.dataset.bias !== undefined
    this.parts = image.map((_, c) => {
      const name = deep ? `, ${CHANNELS[c]}` : ""
      const [pixels, weights, terms] = [new Grid("image", height, width), new Grid("filter", side, side, { editable: `weight${name}` }), new Grid("products", side, side)]
      const frame = pixels.frame()
      pixels.movable(`window on the image${name}; arrow keys move it`, where => this.move(where), frame.node)
      weights.cells.forEach((input, place) => input.addEventListener("input", () => {
        if (Number.isFinite(input.valueAsNumber)) {
          this.state.filter[c][Math.floor(place / side)][place % side] = input.valueAsNumber
          this.go({})
        }
      }))
      const sum = make("output", { class: "explore-sum" })
      const row = make("div", { class: "explore-row" }, panel(deep ? CHANNELS[c] : "image", pixels.node),
        then("×", panel(c ? "" : "filter", weights.node)),
        then("=", panel(c ? "" : "products", terms.node, make("div", { class: "explore-under" }, deep ? `${CHANNELS[c]} ` : "sum ", sum))))
      return { row, pixels, weights, terms, frame, sum }
    })
    const places = [height - side + 1, width - side + 1]
    this.map = new Grid("map", ...places)
    this.here = this.map.frame()
    this.map.movable("place on the feature map; arrow keys move it", where => this.move({ ...where, exact: true }))
    const after = [then("→", panel(this.biased ? "sum plus bias" : "feature map", this.map.node))]
    if (this.state.relu) {
      this.passed = new Grid("passed", ...places)
      this.passedHere = this.passed.frame()
      after.push(then("→", panel("after ReLU", this.passed.node)))
    }
    const rows = this.parts.map(({ row }) => row)
    if (deep) this.stage.append(make("div", { class: "explore-row" }, make("div", { class: "explore-column" }, ...rows), ...after))
    else {
      rows[0].append(...after)
      this.stage.append(rows[0])
    }
    this.stage.style.setProperty("--fit", width + 2 * side + places[1] * after.length)
    this.bias = make("input", { type: "number", step: "any", class: "explore-number", autocomplete: "off", oninput: () => Number.isFinite(this.bias.valueAsNumber) && this.go({ bias: this.bias.valueAsNumber }) })
    this.controls(...this.player(() => this.advance()), make("button", { type: "button", onclick: () => this.reset() }, "Start over"), ...(this.biased ? [make("label", {}, "bias ", this.bias)] : []))
  }

  reset() {
    this.pause()
    this.go(this.begin())
  }

  /** Move the window by a step, or so that a cell lies in its middle, or to a place. */
  move({ row, column, down = 0, right = 0, exact }) {
    this.pause()
    const half = exact ? 0 : Math.floor(this.state.filter[0].length / 2)
    this.go({
      row: clamp(row === undefined ? this.state.row + down : row - half, 0, this.last[0]),
      column: clamp(column === undefined ? this.state.column + right : column - half, 0, this.last[1]),
    })
  }

  /** On to the next place in reading order; from the last one to an empty map. */
  advance() {
    const { row, column } = this.state
    const [low, side] = [this.last[0], this.last[1] + 1]
    const next = row * side + column + 1
    if (next === (low + 1) * side) this.go({ row: 0, column: 0, seen: [] })
    else this.go({ row: Math.floor(next / side), column: next % side })
    return next + 1 < (low + 1) * side
  }

  draw() {
    const { image, filter, bias, relu, row, column, seen } = this.state
    const side = filter[0].length
    seen[row * this.map.columns + column] = true
    const found = products(this.state, row, column)
    const strongest = Math.max(...filter.flat(2).map(Math.abs))
    this.parts.forEach(({ pixels, weights, terms, frame, sum }, c) => {
      image[c].forEach((line, i) => line.forEach((value, j) => {
        pixels.write(i, j, value)
        pixels.pixel(i, j, ...this.colour(value, c))
      }))
      frame(row, column, side)
      found[c].forEach((line, u) => line.forEach((value, v) => {
        weights.write(u, v, filter[c][u][v])
        weights.tone(u, v, filter[c][u][v], strongest)
        terms.write(u, v, value)
        terms.tone(u, v, value, strongest * this.most)
      }))
      sum.textContent = number(total(found[c]))
    })
    const values = this.responses().map((value, place) => seen[place] ? value + bias : undefined)
    const largest = Math.max(...values.map(value => Math.abs(value ?? 0)))
    values.forEach((value, place) => {
      const at = [Math.floor(place / this.map.columns), place % this.map.columns]
      this.map.write(...at, value)
      this.map.tone(...at, value, largest)
      const left = value === undefined ? value : Math.max(0, value)
      if (relu) {
        this.passed.write(...at, left)
        this.passed.tone(...at, left, largest)
      }
    })
    this.here(row, column)
    this.passedHere?.(row, column)
    if (this.bias !== document.activeElement) this.bias.value = bias
  }

  /** The sums of all places, in reading order. */
  responses() {
    return Array.from({ length: this.map.rows * this.map.columns }, (_, place) => total(products(this.state, Math.floor(place / this.map.columns), place % this.map.columns)))
  }

  colour(value, c) {
    const grey = Math.round(clamp(value / this.most, 0, 1) * 255)
    if (this.most === 1) return [255 - grey]  // drawn in ink
    return this.parts.length === 1 ? [grey] : CHANNELS.map((_, one) => one === c ? grey : 0)
  }

  sentence() {
    const { image, filter, bias, relu, row, column } = this.state
    const found = products(this.state, row, column)
    const sum = total(found)
    const terms = found.length > 1
      ? found.map((slice, c) => `${CHANNELS[c]} ${factor(total(slice))}`)
      : found[0].flatMap((line, u) => line.map((_, v) => `${number(image[0][row + u][column + v])}·${factor(filter[0][u][v])}`))
    const added = this.biased ? `, plus the bias ${number(bias)} is ${number(sum + bias)}` : ""
    const passed = relu ? `; the ReLU leaves ${number(Math.max(0, sum + bias))}` : ""
    return `Row ${row}, column ${column}: ${terms.join(" + ")} = ${number(sum)}${added}${passed}.`
  }
})
