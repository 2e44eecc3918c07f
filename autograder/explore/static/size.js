// How many places a window has on a line of pixels: size, filter, stride, padding, dilation, and what is left over.
import { Explorer, clamp, define, make, number, slider } from "./figure.js"

/** The line and its windows: cells, reach of a window, first cells of all places, pixels that no window sees. */
export function layout({ size, filter, stride, padding, dilation, same }) {
  const reach = dilation * (filter - 1) + 1
  const needed = (Math.ceil(size / stride) - 1) * stride + reach  // cells, for "same"
  const zeros = same ? Math.max(0, needed - size) : 2 * padding
  const before = same ? Math.floor(zeros / 2) : padding
  const cells = size + zeros
  const room = cells - reach
  const count = room < 0 ? 0 : Math.floor(room / stride) + 1
  const starts = Array.from({ length: count }, (_, place) => place * stride)
  const taps = Array.from({ length: filter }, (_, weight) => weight * dilation)
  const seen = new Set(starts.flatMap(start => taps.map(tap => start + tap)))
  const unseen = Array.from({ length: size }, (_, pixel) => pixel).filter(pixel => !seen.has(pixel + before))
  return { reach, needed, before, after: zeros - before, cells, room, count, starts, taps, seen, unseen }
}

const KNOBS = {
  size: ["pixels", 1, 16],
  filter: ["filter", 1, 7],
  stride: ["stride", 1, 5],
  padding: ["padding", 0, 4],
  dilation: ["dilation", 1, 4],
}

const listed = pixels => {
  const runs = pixels.reduce((made, pixel) => {
    const last = made.at(-1)
    last && last[1] === pixel - 1 ? (last[1] = pixel) : made.push([pixel, pixel])
    return made
  }, []).map(([first, last]) => first === last ? `${first}` : last === first + 1 ? `${first}, ${last}` : `${first} to ${last}`)
  return runs.join(", ")
}

define("size", class extends Explorer {
  begin() {
    const { size = 8, filter = 3, stride = 2, padding = 0 } = this.dataset
    return { size: +size, filter: +filter, stride: +stride, padding: +padding, dilation: 1, same: this.dataset.same !== undefined, place: 0 }
  }

  build() {
    const shown = ["size", "filter", "stride", ...["padding", "dilation"].filter(name => this.dataset[name] !== undefined)]
    this.line = make("div", { class: "size-line" })
    this.rows = make("div", { class: "size-rows" })
    this.sheet = make("div", { class: "size-sheet", tabindex: "0", role: "application", "aria-roledescription": "movable window", "aria-label": "window on the line of pixels; arrow keys move it from place to place" }, this.line, this.rows)
    this.formula = make("p", { class: "size-formula" })
    this.stage.append(make("div", { class: "size-room" }, this.sheet), this.formula)
    this.knobs = Object.fromEntries(shown.map(name => {
      const [label, min, max] = KNOBS[name]
      return [name, slider(label, { min, max, value: this.state[name], change: value => this.go({ [name]: value }) })]
    }))
    this.controls(...Object.values(this.knobs))
    const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1, Home: -99, End: 99 }
    this.sheet.addEventListener("keydown", event => {
      if (!steps[event.key] || event.altKey || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      this.go({ place: this.place + steps[event.key] })
    })
    const point = event => {
      const { starts, reach, cells } = layout(this.state)
      const box = this.line.getBoundingClientRect()
      const middle = (event.clientX - box.left) / box.width * cells - reach / 2
      const near = starts.reduce((best, start, place) => Math.abs(start - middle) < Math.abs(starts[best] - middle) ? place : best, 0)
      if (near !== this.place) this.go({ place: near })
    }
    this.sheet.addEventListener("pointerdown", event => {
      if (event.button) return
      this.sheet.setPointerCapture(event.pointerId)
      point(event)
    })
    this.sheet.addEventListener("pointermove", event => { if (this.sheet.hasPointerCapture(event.pointerId)) point(event) })
  }

  get place() {
    return clamp(this.state.place, 0, Math.max(0, layout(this.state).count - 1))
  }

  draw() {
    this.state.place = this.place
    const { size, place, dilation } = this.state
    const { reach, before, cells, count, starts, taps, seen } = layout(this.state)
    for (const [name, knob] of Object.entries(this.knobs)) knob.value = this.state[name]
    const here = new Set(count ? taps.map(tap => starts[place] + tap) : [])
    this.sheet.style.cssText = `--cells: ${Math.max(cells, count * this.state.stride + reach)}; --line: ${cells}; --dilation: ${dilation}; --reach: ${reach}`
    this.line.replaceChildren(...Array.from({ length: cells }, (_, cell) => {
      const pixel = cell - before
      const real = pixel >= 0 && pixel < size
      const kind = `${real ? "size-pixel" : "size-zero"} ${here.has(cell) ? "size-here" : seen.has(cell) ? "" : "size-unseen"}`
      return make("span", { class: kind }, real ? String(pixel) : "0")
    }))
    this.rows.style.setProperty("--rows", count + 1)
    this.rows.replaceChildren(...[...starts, count * this.state.stride].map((start, row) => make("i", {
      class: row === count ? "size-out" : row === place ? "size-now" : "",
      style: `--start: ${start}`,
    })))
    this.formula.textContent = this.worked()
  }

  /** The size formula with its numbers. */
  worked() {
    const { size, filter, stride, padding, dilation, same } = this.state
    const { reach, room, count, needed, before, after } = layout(this.state)
    if (same) return `⌈${size} / ${stride}⌉ = ${count} place${count === 1 ? "" : "s"}; zeros: ${before} before, ${after} after`
    if (room < 0) return "no place"
    const window = dilation > 1 ? `(${dilation}·(${filter} − 1) + 1)` : filter
    const zeros = this.knobs.padding ? ` + 2·${padding}` : ""
    const whole = room % stride ? ` = ⌊${number(room / stride)}⌋ + 1` : ""
    return `⌊(${size} − ${window}${zeros}) / ${stride}⌋ + 1${whole} = ${count}`
  }

  sentence() {
    const { size, filter, stride, dilation, same, padding, place } = this.state
    const { reach, room, count, starts, unseen, before, after, cells, needed } = layout(this.state)
    const window = dilation > 1 ? `A window that reaches over ${dilation}·(${filter} − 1) + 1 = ${reach} cells` : `A window of ${filter}`
    const on = `${size} pixel${size === 1 ? "" : "s"}${padding && !same ? ` and ${2 * padding} zeros` : ""}`
    if (room < 0) return `${window} does not fit on ${on}.`
    const missed = unseen.length ? ` No window sees pixel${unseen.length > 1 ? "s" : ""} ${listed(unseen)}.` : ""
    const now = ` Place ${place} begins at cell ${place}·${stride} = ${starts[place]}.`
    if (same) {
      const lacks = needed - size
      return `${size} pixels at stride ${stride} make ${count} place${count === 1 ? "" : "s"}; the last one ends at cell ${needed - 1}. ${needed} cells are needed, ${size} are there: ${needed} − ${size} = ${number(lacks)}${lacks > 0 ? `, so ${before} zero${before === 1 ? "" : "s"} before and ${after} after` : ", so no zeros"}.${now}${missed}`
    }
    const steps = count - 1
    const rest = room - steps * stride
    return `${window} on ${on} can move by ${cells} − ${reach} = ${room}: ${steps} step${steps === 1 ? "" : "s"} of ${stride}${rest ? `, ${rest} left over` : ""}. That makes ${steps} + 1 = ${count} place${count === 1 ? "" : "s"}.${now}${missed}`
  }
})
