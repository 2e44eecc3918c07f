// A photograph and its numbers: eight by eight pixels of an eye, channel by channel.
import { Explorer, Grid, Picture, choice, clamp, define, make, panel, then, toggle, unpack } from "./figure.js"
import { eye } from "./eyes.js"

const { shape: [HEIGHT, WIDTH], values: EYE } = unpack(eye)
const [TOP, LEFT] = [157, 273]  // where the eye stands in the portrait
const SIDE = 8
const CHANNELS = ["red", "green", "blue"]

/** The three numbers of a pixel of the eye. */
export const pixel = (row, column) => [...EYE.subarray((row * WIDTH + column) * 3, (row * WIDTH + column) * 3 + 3)]

define("pixels", class extends Explorer {
  begin() {
    return { row: 24, column: 28, i: 0, j: 0, channel: 0, on: [true, true, true] }
  }

  build() {
    this.photo = new Picture("photo", HEIGHT, WIDTH)
    this.frame = this.photo.frame()
    this.photo.movable("frame on the photograph; arrow keys move it", ({ row, column, down = 0, right = 0 }) => this.go({
      row: row === undefined ? this.state.row + down : row - SIDE / 2,
      column: column === undefined ? this.state.column + right : column - SIDE / 2,
    }), this.frame.node)
    this.numbers = new Grid("numbers", SIDE, SIDE)
    this.here = this.numbers.frame()
    this.numbers.movable("pixel in the frame; arrow keys move it", ({ row, column, down = 0, right = 0 }) => this.go({ i: row ?? this.state.i + down, j: column ?? this.state.j + right }))
    this.swatch = make("i", { class: "pixels-swatch" })
    this.told = CHANNELS.map(name => make("output"))
    this.stage.append(make("div", { class: "explore-row" }, panel("64 × 64", this.photo.node), then("→", panel("8 × 8, as stored", this.numbers.node))),
      make("div", { class: "pixels-one" }, this.swatch, ...CHANNELS.map((name, c) => make("span", {}, `${name} `, this.told[c]))))
    this.lights = CHANNELS.map((name, c) => toggle(name, on => this.go({ on: this.state.on.map((was, place) => place === c ? on : was) })))
    this.channel = choice("numbers", Object.fromEntries(CHANNELS.map((name, c) => [c, name])), channel => this.go({ channel: Number(channel) }))
    this.controls(this.channel, make("span", { class: "pixels-light" }, "light"), ...this.lights)
    this.stage.style.setProperty("--fit", 17)
  }

  draw() {
    const { channel, on } = this.state
    const row = this.state.row = clamp(this.state.row, 0, HEIGHT - SIDE)
    const column = this.state.column = clamp(this.state.column, 0, WIDTH - SIDE)
    const i = this.state.i = clamp(this.state.i, 0, SIDE - 1)
    const j = this.state.j = clamp(this.state.j, 0, SIDE - 1)
    const lit = (r, c) => pixel(r, c).map((value, place) => on[place] ? value : 0)
    if (this.painted !== String(on)) this.photo.paint(lit)
    this.painted = String(on)
    for (let u = 0; u < SIDE; u++) {
      for (let v = 0; v < SIDE; v++) {
        this.numbers.write(u, v, pixel(row + u, column + v)[channel])
        this.numbers.pixel(u, v, ...lit(row + u, column + v))
      }
    }
    this.frame(row, column, SIDE)
    this.here(i, j)
    this.swatch.style.background = `rgb(${lit(row + i, column + j).join(" ")})`
    pixel(row + i, column + j).forEach((value, c) => { this.told[c].textContent = value })
    this.lights.forEach((light, c) => { light.value = on[c] })
    this.channel.value = String(channel)
  }

  sentence() {
    const { row, column, i, j } = this.state
    const [down, right] = [TOP + row + i, LEFT + column + j]
    const told = pixel(row + i, column + j).map((value, c) => `${CHANNELS[c]} ${value}`)
    return `Row ${TOP} + ${row} + ${i} = ${down}, column ${LEFT} + ${column} + ${j} = ${right}: portrait[${down}, ${right}] is ${told.join(", ")}.`
  }
})
