// What is left of a map's likeness to itself when it moves by some pixels: plain subsampling beside pooling.
import { Explorer, Picture, choice, define, make, number, slider, unpack } from "./figure.js"
import { edges } from "./temple.js"

const { shape: [HEIGHT, STORED], values: EDGES } = unpack(edges)
const MOST = 8
const WIDTH = STORED - MOST

/** The piece of the map that is seen after a shift, HEIGHT × WIDTH numbers. */
export const piece = right => Array.from({ length: HEIGHT * WIDTH }, (_, place) => EDGES[Math.floor(place / WIDTH) * STORED + place % WIDTH + right])

const WAYS = {
  map: ["no pooling", members => members[0]],
  cell: ["one cell", members => members[0]],
  max: ["maximum", members => Math.max(...members)],
  mean: ["mean", members => members.reduce((sum, one) => sum + one, 0) / members.length],
}

/** One number for each window of size × size. */
export function pooled(map, size, keep) {
  const [rows, columns] = [HEIGHT / size, WIDTH / size]
  return Array.from({ length: rows * columns }, (_, place) => {
    const corner = Math.floor(place / columns) * size * WIDTH + place % columns * size
    return keep(Array.from({ length: size * size }, (_, cell) => map[corner + Math.floor(cell / size) * WIDTH + cell % size]))
  })
}

/** Correlation of two lists of numbers: 1 if they are alike, about 0 if they have nothing in common. */
export function agreement(first, second) {
  const mean = list => list.reduce((sum, one) => sum + one, 0) / list.length
  const [a, b] = [mean(first), mean(second)]
  const total = terms => terms.reduce((sum, one) => sum + one, 0)
  return total(first.map((one, place) => (one - a) * (second[place] - b))) / Math.sqrt(total(first.map(one => (one - a) ** 2)) * total(second.map(one => (one - b) ** 2)))
}

define("shift", class extends Explorer {
  begin() {
    return { right: 1, size: 2 }
  }

  build() {
    this.table = make("div", { class: "shift-table" })
    this.stage.append(this.table)
    this.size = choice("windows", { 2: "2×2", 4: "4×4", 8: "8×8" }, size => this.go({ size: Number(size) }))
    this.slider = slider("shift", { min: 0, max: MOST, value: 1, change: right => this.go({ right }) })
    this.controls(this.size, this.slider)
  }

  /** The pictures have a pixel for each number; they are made anew for windows of another size. */
  pictures(size) {
    if (this.made === size) return
    this.made = size
    const sizes = Object.keys(WAYS).map(way => way === "map" ? 1 : size)
    const row = shifted => Object.keys(WAYS).map((way, place) => new Picture(way, HEIGHT / sizes[place], WIDTH / sizes[place]))
    this.before = row()
    this.after = row()
    this.told = Object.keys(WAYS).map(() => make("output", { class: "shift-told" }))
    const label = text => make("div", { class: "shift-label" }, text)
    this.table.replaceChildren(
      label(""), ...Object.values(WAYS).map(([name]) => label(name)),
      label("before"), ...this.before.map(({ node }) => node),
      label("shifted"), ...this.after.map(({ node }) => node),
      label("agreement"), ...this.told)
  }

  draw() {
    const { right, size } = this.state
    this.pictures(size)
    this.size.value = String(size)
    this.slider.value = right
    const [still, moved] = [piece(0), piece(right)]
    this.agreements = Object.entries(WAYS).map(([way, [name, keep]], place) => {
      const side = way === "map" ? 1 : size
      const maps = [still, moved].map(map => pooled(map, side, keep))
      const found = agreement(...maps)
      for (const [picture, map, when] of [[this.before[place], maps[0], "before"], [this.after[place], maps[1], "shifted"]]) {
        picture.paint((i, j) => Math.round(map[i * WIDTH / side + j]))
        picture.node.setAttribute("aria-label", `${name}, ${when}`)
      }
      this.told[place].textContent = number(found)
      return [name, found]
    })
  }

  sentence() {
    const { right, size } = this.state
    const told = this.agreements.map(([name, found]) => `${name} ${number(found)}`)
    return `Moved by ${right} pixel${right === 1 ? "" : "s"}, the map of ${HEIGHT}·${WIDTH} = ${HEIGHT * WIDTH} numbers agrees with itself as follows. ${told[0][0].toUpperCase()}${told[0].slice(1)}; windows of ${size}×${size}, ${HEIGHT * WIDTH} / ${size * size} = ${HEIGHT * WIDTH / size / size} numbers: ${told.slice(1).join(", ")}.`
  }
})
