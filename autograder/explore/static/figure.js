// What all explorers are made of: an element with a state, grids of numbers, controls, keys, and a sentence that is said.

/** A number as the course writes it: 3, −0.5, 1.25; at most so many digits after the point. */
export function number(value, digits = 2) {
  return String(Number(value.toFixed(digits)) + 0).replace("-", "−")
}

/** The same inside a sum or a product: (−3). */
export function factor(value, digits = 2) {
  return value < 0 ? `(${number(value, digits)})` : number(value, digits)
}

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high)
}

/** An element: make("p", { class: "a", onclick: f }, "text", child). What is false or undefined is left out. */
export function make(tag, options = {}, ...children) {
  const node = document.createElement(tag)
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value)
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value)
  }
  node.append(...children)
  return node
}

/** The array that the build wrote: { shape, bytes } in base64 becomes { shape, values }. */
export function unpack({ shape, bytes }) {
  return { shape, values: Uint8Array.from(atob(bytes), character => character.charCodeAt(0)) }
}

export const still = matchMedia("(prefers-reduced-motion: reduce)")

/**
 * An explorer has a `state`, a plain object; `build` makes its parts once, `draw` shows the state in them, `sentence`
 * says it with its arithmetic. All that readers do goes through `go`.
 */
export class Explorer extends HTMLElement {
  connectedCallback() {
    if (this.stage) return
    this.stage = make("div", { class: "explore-stage" })
    this.said = make("p", { class: "explore-said", "aria-hidden": "true" })
    this.aloud = make("p", { class: "explore-aloud", "aria-live": "polite" })
    this.state = this.begin()
    this.build()
    const picture = this.querySelector("figure > :is(img, a, .drawn)")
    const how = this.querySelector(".explore-how")
    const shown = [this.stage, this.said, this.aloud]
    if (this.dataset.beside !== undefined) this.querySelector("figure").after(...shown)
    else if (picture) picture.before(...shown)
    else this.prepend(...shown)
    if (how) this.aloud.after(how)
    this.classList.add("explore-alive")
    this.show()
  }

  disconnectedCallback() {
    this.pause?.()
  }

  /** Change the state, show it, and say it when it has come to rest. */
  go(change) {
    Object.assign(this.state, change)
    this.show()
    clearTimeout(this.soon)
    if (!this.playing) this.soon = setTimeout(() => { this.aloud.textContent = this.said.textContent }, 400)
  }

  show() {
    this.draw()
    this.said.textContent = this.sentence()
  }

  /** A row of controls below the stage. */
  controls(...parts) {
    const row = make("div", { class: "explore-controls" }, ...parts)
    this.stage.append(row)
    return row
  }

  /** Buttons that step and play; `advance` takes one step and returns whether there is another. */
  player(advance, wait = 700) {
    const play = make("button", { type: "button", class: "explore-play", hidden: still.matches, onclick: () => (this.playing ? this.pause() : start()) }, "Play")
    const step = make("button", { type: "button", class: "explore-step", onclick: () => { this.pause(); advance() } }, "Step")
    const start = () => {
      this.playing = setInterval(() => { if (!advance()) this.pause() }, wait)
      play.textContent = "Pause"
      advance()
    }
    this.pause = () => {
      if (!this.playing) return
      clearInterval(this.playing)
      this.playing = undefined
      play.textContent = "Play"
      this.go({})
    }
    still.addEventListener("change", () => { this.pause(); play.hidden = still.matches })
    new IntersectionObserver(seen => { if (!seen.some(one => one.isIntersecting)) this.pause() }).observe(this)
    return [step, play]
  }
}

/** Register an explorer: the element <explore-name>. */
export function define(name, kind) {
  customElements.define(`explore-${name}`, kind)
}

/** A titled part of the stage. */
export function panel(title, ...parts) {
  return make("div", { class: "explore-panel" }, make("div", { class: "explore-title" }, title), ...parts)
}

/** A sign between two panels, level with the middle of the grids: ×, =, →. */
export function sign(text) {
  return make("div", { class: "explore-sign", "aria-hidden": "true" }, text)
}

/** A sign and the panel that follows it; they stay together where the stage is narrow. */
export function then(text, ...parts) {
  return make("div", { class: "explore-then" }, sign(text), ...parts)
}

/** What a frame moves over: `rows` × `columns` cells in a `node`. */
class Surface {
  /** A frame around some cells; returns a function (row, column, height, width) that moves it there, or hides it. */
  frame(kind = "") {
    const node = make("i", { class: `explore-frame ${kind}`, "aria-hidden": "true" })
    this.node.append(node)
    const move = (row, column, height = 1, width = height) => {
      node.hidden = row === undefined
      if (!node.hidden) node.style.cssText = `--row: ${row}; --column: ${column}; --height: ${height}; --width: ${width}`
    }
    move.node = node
    return move
  }

  /** The cell under a pointer, as { row, column }, also when the pointer has left the grid. */
  under(event) {
    const box = this.node.getBoundingClientRect()
    return {
      row: clamp(Math.floor((event.clientY - box.top) / box.height * this.rows), 0, this.rows - 1),
      column: clamp(Math.floor((event.clientX - box.left) / box.width * this.columns), 0, this.columns - 1),
    }
  }

  /**
   * Let readers move something over the grid, by arrow keys, Home and End, a click or a drag. `move` is called with a step
   * { down, right } or with a cell { row, column }; a drag begun on `handle` does not scroll the page on a phone.
   */
  movable(label, move, handle = this.node) {
    const { node } = this
    Object.entries({ tabindex: "0", role: "application", "aria-roledescription": "movable frame", "aria-label": label }).forEach(([name, value]) => node.setAttribute(name, value))
    handle.classList.add("explore-handle")
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -99], End: [0, 99], PageUp: [-99, 0], PageDown: [99, 0] }
    node.addEventListener("keydown", event => {
      if (event.target !== node || event.altKey || event.ctrlKey || event.metaKey || !steps[event.key]) return
      event.preventDefault()
      const [down, right] = steps[event.key]
      move({ down, right })
    })
    node.addEventListener("pointerdown", event => {
      if (event.button !== 0 || event.target instanceof HTMLInputElement) return
      const from = this.under(event)
      const box = handle.getBoundingClientRect()  // not the event's target, for which browsers take what is near a finger
      const held = handle !== node && event.clientX > box.left && event.clientX < box.right && event.clientY > box.top && event.clientY < box.bottom
      if (!held) move(from)
      let last = from
      const drag = event => {
        const now = this.under(event)
        if (now.row === last.row && now.column === last.column) return
        move(held ? { down: now.row - last.row, right: now.column - last.column } : now)
        last = now
      }
      const end = () => {
        node.removeEventListener("pointermove", drag)
        for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) node.removeEventListener(name, end)
      }
      node.setPointerCapture(event.pointerId)
      node.addEventListener("pointermove", drag)
      for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) node.addEventListener(name, end)
    })
  }
}

/** A grid of cells with a name, by which tests find it. Cells are hidden from screen readers, whom the explorer's sentence tells what matters. */
export class Grid extends Surface {
  constructor(name, rows, columns, { editable } = {}) {
    super()
    this.rows = rows
    this.columns = columns
    this.cells = Array.from({ length: rows * columns }, (_, place) =>
      editable
        ? make("input", { type: "number", step: "any", autocomplete: "off", "aria-label": `${editable}, row ${Math.floor(place / columns)}, column ${place % columns}` })
        : make("span", { "aria-hidden": "true" }))
    this.node = make("div", { class: "explore-grid", "data-name": name, style: `--rows: ${rows}; --columns: ${columns}` }, ...this.cells)
  }

  cell(row, column) {
    return this.cells[row * this.columns + column]
  }

  /** Write a number, or nothing for undefined, into a cell. */
  write(row, column, value, digits) {
    const cell = this.cell(row, column)
    const text = value === undefined ? "" : typeof value === "string" ? value : number(value, digits)
    if (cell instanceof HTMLInputElement) {
      if (cell !== document.activeElement) cell.value = value
    } else if (cell.textContent !== text) cell.textContent = text
    return cell
  }

  /** Colour a cell by a signed value, whose largest size is `most`: red above zero, blue below; nothing for undefined. */
  tone(row, column, value, most) {
    const cell = this.cell(row, column)
    const tone = value === undefined ? "none" : value > 0 ? "plus" : value < 0 ? "minus" : "zero"
    const part = Math.min(1, Math.abs(value ?? 0) / (most || 1)).toFixed(3)
    if (cell.dataset.tone !== tone) cell.dataset.tone = tone
    if (cell.style.getPropertyValue("--part") !== part) cell.style.setProperty("--part", part)
  }

  /** Colour a cell as a pixel, a brightness from 0 to 255, or three of them. */
  pixel(row, column, red, green = red, blue = red) {
    const cell = this.cell(row, column)
    const colour = `rgb(${red} ${green} ${blue})`
    if (cell.dataset.colour === colour) return
    cell.dataset.colour = cell.style.background = colour
    cell.style.color = luminance(red, green, blue) > 0.179 ? "#000" : "#fff"
  }
}

/** A small picture of `height` × `width` pixels, shown large; `paint` takes a function (row, column) that gives its grey or colour. */
export class Picture extends Surface {
  constructor(name, height, width) {
    super()
    Object.assign(this, { rows: height, columns: width })
    const canvas = make("canvas", { "data-name": name, width, height })
    this.node = make("div", { class: "explore-picture", role: "img", style: `--rows: ${height}; --columns: ${width}` }, canvas)
    this.context = canvas.getContext("2d")
    this.bits = this.context.createImageData(width, height)
  }

  paint(colour) {
    const { data, width, height } = this.bits
    for (let i = 0, at = 0; i < height; i++) {
      for (let j = 0; j < width; j++, at += 4) {
        const found = colour(i, j)
        if (typeof found === "number") data[at] = data[at + 1] = data[at + 2] = found
        else data.set(found, at)
        data[at + 3] = 255
      }
    }
    this.context.putImageData(this.bits, 0, 0)
  }
}

/** How bright a colour looks, from 0 to 1, as contrast is reckoned. */
export function luminance(...colour) {
  const [red, green, blue] = colour.map(part => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** A slider with its value beside it; returns a node with a property `value`. */
export function slider(label, { min, max, value, step = 1, change, text = number }) {
  const shown = make("output")
  const input = make("input", { type: "range", min, max, step, oninput: () => { write(); change(Number(input.value)) } })
  const write = () => { shown.textContent = text(Number(input.value)); input.setAttribute("aria-valuetext", shown.textContent) }
  const node = make("label", { class: "explore-slider" }, make("span", {}, label), input, shown)
  Object.defineProperty(node, "value", { set(now) { input.value = now; write() }, get: () => Number(input.value) })
  node.input = input
  node.value = value
  return node
}

let groups = 0

/** One of a few, as radio buttons that look like a row of tabs; `options` maps values to words. */
export function choice(label, options, change) {
  const name = `explore-${++groups}`
  const inputs = Object.entries(options).map(([value, words]) => [make("input", { type: "radio", name, value, onchange: () => change(value) }), words])
  const node = make("fieldset", { class: "explore-choice" }, make("legend", {}, label),
    ...inputs.map(([input, words]) => make("label", {}, input, make("span", {}, words))))
  Object.defineProperty(node, "value", { set(now) { for (const [input] of inputs) input.checked = input.value === now } })
  return node
}

/** On or off. */
export function toggle(label, change) {
  const input = make("input", { type: "checkbox", onchange: () => change(input.checked) })
  const node = make("label", { class: "explore-toggle" }, input, make("span", {}, label))
  Object.defineProperty(node, "value", { set(now) { input.checked = now } })
  return node
}
