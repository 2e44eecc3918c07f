// A filter of the reader's own on a photograph: the photograph, the weights, and the map.
import { Explorer, Grid, Picture, choice, clamp, define, factor, make, number, panel, then, unpack } from "./figure.js"
import { temple, flower } from "./photos.js"

const PHOTOS = { temple: unpack(temple), flower: unpack(flower) }

const inked = Array.from({ length: 7 }, (_, row) => Array.from({ length: 7 }, (_, column) => column === [6, 6, 5, 3, 1, 0, 0][row] ? 30 : 0))

const PRESETS = {
  "vertical": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  "horizontal": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
  "diagonal": [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
  "Laplacian": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
  "blur": [[1, 1, 1], [1, 1, 1], [1, 1, 1]].map(row => row.map(() => 1 / 9)),
  "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  "emboss": [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]],
  "curve": inked.map(row => row.map(weight => weight - 210 / 49)),
}

/** The map of a filter on a grey photograph: (H − F + 1) · (W − F + 1) sums. */
export function respond({ shape: [height, width], values }, filter) {
  const side = filter.length
  const columns = width - side + 1
  const found = new Float64Array((height - side + 1) * columns)
  for (let u = 0; u < side; u++) {
    for (let v = 0; v < side; v++) {
      const weight = filter[u][v]
      if (weight) for (let i = 0, at = 0; i + side <= height; i++) for (let from = (i + u) * width + v, j = 0; j < columns; j++) found[at++] += values[from + j] * weight
    }
  }
  return found
}

const RED = [178, 24, 43], BLUE = [33, 102, 172]

define("photo", class extends Explorer {
  begin() {
    return { photo: "temple", filter: structuredClone(PRESETS.vertical), row: 40, column: 45 }
  }

  build() {
    const [height, width] = PHOTOS.temple.shape
    this.image = new Picture("photo", height, width)
    this.frame = this.image.frame()
    this.image.movable("window on the photograph; arrow keys move it", where => this.move(where), this.frame.node)
    this.left = panel("photograph", this.image.node)
    this.middle = panel("filter")
    this.right = panel("map")
    this.legend = make("div", { class: "explore-under" })
    this.right.append(this.legend)
    this.stage.append(make("div", { class: "photo-row" }, this.left, this.middle, this.right))
    this.photo = choice("photograph", { temple: "temple", flower: "flower" }, photo => this.go({ photo }))
    this.presets = choice("filter", Object.fromEntries(Object.keys(PRESETS).map(name => [name, name])), name => this.go({ filter: structuredClone(PRESETS[name]) }))
    this.controls(this.presets)
    this.controls(this.photo)
  }

  move({ row, column, down = 0, right = 0 }) {
    const half = Math.floor(this.state.filter.length / 2)
    this.go({ row: row === undefined ? this.state.row + down : row - half, column: column === undefined ? this.state.column + right : column - half })
  }

  /** Weights and map have as many cells as the filter wants. */
  parts(side) {
    if (this.weights?.rows === side) return
    const [height, width] = PHOTOS.temple.shape
    this.weights?.node.remove()
    this.map?.node.remove()
    this.weights = new Grid("filter", side, side, { editable: "weight" })
    this.weights.cells.forEach((input, place) => input.addEventListener("input", () => {
      if (!Number.isFinite(input.valueAsNumber)) return
      this.state.filter[Math.floor(place / side)][place % side] = input.valueAsNumber
      this.go({})
    }))
    this.map = new Picture("map", height - side + 1, width - side + 1)
    this.here = this.map.frame()
    this.middle.append(this.weights.node)
    this.right.append(this.map.node)
    this.map.node.style.width = `${100 * this.map.columns / width}%`
    this.stage.style.setProperty("--fit", side === 3 ? 17 : 30)
  }

  draw() {
    const { photo, filter } = this.state
    const side = filter.length
    this.parts(side)
    const row = this.state.row = clamp(this.state.row, 0, this.map.rows - 1)
    const column = this.state.column = clamp(this.state.column, 0, this.map.columns - 1)
    const { shape: [, width], values } = PHOTOS[photo]
    if (this.painted !== photo) this.image.paint((i, j) => values[i * width + j])
    const key = `${photo} ${filter}`
    if (this.mapped !== key) {
      this.answers = respond(PHOTOS[photo], filter)
      const sum = this.sum = filter.flat().reduce((total, weight) => total + weight, 0)
      const most = this.answers.reduce((found, one) => Math.max(found, Math.abs(one)), 0)
      this.map.paint((i, j) => {
        const value = this.answers[i * this.map.columns + j]
        if (Math.abs(sum - 1) < 1e-9) return clamp(Math.round(value), 0, 255)  // as bright as the photograph
        const end = value > 0 ? RED : BLUE
        const part = most && Math.min(1, 1.5 * Math.abs(value) / most)
        return end.map(one => Math.round(255 + (one - 255) * part))
      })
      this.legend.textContent = Math.abs(sum - 1) < 1e-9 ? "grey, 0 to 255" : `blue −${number(most)}, white 0, red ${number(most)}`
      const strongest = Math.max(...filter.flat().map(Math.abs))
      filter.forEach((line, u) => line.forEach((weight, v) => {
        this.weights.write(u, v, Number(weight.toFixed(2)))
        this.weights.tone(u, v, weight, strongest)
      }))
    }
    Object.assign(this, { painted: photo, mapped: key })
    this.photo.value = photo
    this.presets.value = Object.keys(PRESETS).find(name => String(PRESETS[name]) === String(filter))
    this.frame(row, column, side)
    this.here(row, column)
    this.map.node.setAttribute("aria-label", `map of the ${photo}, ${this.map.rows} rows, ${this.map.columns} columns`)
  }

  sentence() {
    const { photo, filter, row, column } = this.state
    const { shape: [, width], values } = PHOTOS[photo]
    const side = filter.length
    const answer = number(this.answers[row * this.map.columns + column])
    const terms = filter.flatMap((line, u) => line.map((weight, v) => [values[(row + u) * width + column + v], weight])).filter(([, weight]) => weight)
    const told = terms.length > 9 ? `the ${terms.length} products add up to ${answer}`
      : `${terms.map(([pixel, weight]) => `${pixel}·${factor(weight)}`).join(" + ") || "0"} = ${answer}`
    return `Row ${row}, column ${column}: ${told}. The weights of the filter add up to ${number(this.sum)}.`
  }
})
