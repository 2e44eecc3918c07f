// Draw a digit, and see what LeNet-5, trained with the course's own kernels, makes of it, stage by stage.
import { Explorer, clamp, define, make, number } from "./figure.js"
import { conv2d, linear, maxPool2d, relu, softmax, volume } from "./layers.js"
import { SIDE, picture } from "./strokes.js"
import { digits, examples } from "./digitweights.js"

/** Parameters as the build wrote them, whole numbers times the scale of their output, as volumes; biases as numbers. */
export function parameters(packed) {
  return Object.fromEntries(Object.entries(packed).map(([name, { shape, scale, int8, values }]) => {
    if (!int8) return [name, Float64Array.from(values)]
    const whole = Int8Array.from(atob(int8), character => character.charCodeAt(0))
    return [name, volume(shape, Float64Array.from(whole, (one, n) => one * scale[n % scale.length]))]
  }))
}

/** What leaves each layer, under the names of course.network, and the ten probabilities. */
export function look(params, pixels) {
  const stages = {}
  let x = volume([SIDE, SIDE, 1], pixels)
  const keep = (name, value) => { stages[name] = x = value }
  keep("conv1", conv2d(x, params["conv1.w"], params["conv1.b"], 2))
  keep("relu1", relu(x))
  keep("maxpool1", maxPool2d(x, 2))
  keep("conv2", conv2d(x, params["conv2.w"], params["conv2.b"]))
  keep("relu2", relu(x))
  keep("maxpool2", maxPool2d(x, 2))
  for (const n of [1, 2, 3]) {
    keep(`linear${n}`, linear(x, params[`linear${n}.w`], params[`linear${n}.b`]))
    if (n < 3) keep(`relu${n + 2}`, relu(x))
  }
  return { stages, logits: Array.from(x.data), chances: softmax(x.data) }
}

const NETWORK = parameters(digits.params)

/** The stages that are shown: name, what is done, what is left. */
const ROWS = [
  ["conv1", "6 filters, 5×5", "28×28×6"],
  ["relu1", "ReLU", "28×28×6"],
  ["maxpool1", "largest of 2×2", "14×14×6"],
  ["conv2", "16 filters, 5×5×6", "10×10×16"],
  ["relu2", "ReLU", "10×10×16"],
  ["maxpool2", "largest of 2×2", "5×5×16"],
  ["relu3", "fully connected, ReLU", "120"],
  ["relu4", "fully connected, ReLU", "84"],
]

const fixed = (value, places) => (Number(value.toFixed(places)) + 0).toFixed(places).replace("-", "−")
const share = p => (p > 0.9995 ? "> 0.999" : fixed(p, 3))

/** A colour, #rgb or #rrggbb, as three numbers. */
const colour = hex => hex.match(hex.length < 5 ? /\w/g : /\w\w/g).map(part => parseInt(part.padEnd(2, part), 16))

/** Paint the maps of a volume side by side; a value's colour goes from `zero` to `plus` or `minus`. */
function paint(canvas, { shape, data }, { zero, plus, minus }) {
  const [H, W, K] = shape.length === 3 ? shape : [1, shape[0], 1]
  const most = Math.max(...data.map(Math.abs)) || 1
  const zoom = W < 10 ? 2 : 1
  const pitch = W * zoom + (W > 20 ? 2 : 1)
  canvas.width = K * pitch - pitch + W * zoom
  canvas.height = H * zoom
  const context = canvas.getContext("2d")
  const pixels = context.createImageData(canvas.width, canvas.height)
  for (let k = 0; k < K; k++) {
    for (let y = 0; y < H * zoom; y++) {
      for (let x = 0; x < W * zoom; x++) {
        const value = data[(Math.floor(y / zoom) * W + Math.floor(x / zoom)) * K + k] / most
        const towards = value < 0 ? minus : plus
        const at = (y * canvas.width + k * pitch + x) * 4
        for (let c = 0; c < 3; c++) pixels.data[at + c] = zero[c] + (towards[c] - zero[c]) * Math.abs(value)
        pixels.data[at + 3] = 255
      }
    }
  }
  context.putImageData(pixels, 0, 0)
}

define("pad", class extends Explorer {
  begin() {
    return { strokes: examples[3], pen: [0.5, 0.5], down: false }
  }

  build() {
    const part = (name, ...parts) => make("div", { class: name.replace(/^|(?<= )(?!e)/g, "pad-"), "aria-hidden": /^(bars|right)$/.test(name) && "true" }, ...parts)
    const words = (...texts) => texts.map(text => make("span", {}, text))
    const canvas = () => make("canvas", { "aria-hidden": "true" })
    const button = (text, label, onclick) => make("button", { type: "button", "aria-label": label, onclick }, text)
    this.paper = make("canvas", { class: "pad-paper", width: 448, height: 448, tabindex: "0", role: "application", "aria-label": "Draw a digit: arrow keys move the pen, space puts it down and lifts it, Delete clears, 0 to 9 draw an example" })
    this.draws()
    this.seen = canvas()
    this.bars = examples.map((_, digit) => {
      const [[logit, chance], bar] = [words("", ""), make("i")]
      return { logit, bar, chance, row: part("bar", make("b", {}, String(digit)), logit, part("track", bar), chance) }
    })
    const row = (kind, what, shape, shown) => part(kind, part("what", ...words(what, shape)), shown)
    this.maps = ROWS.map(([name, what, shape]) => ({ name, shown: canvas(), what, shape }))
    this.stage.append(
      part("both",
        part("left",
          this.paper,
          part("ways explore-controls", button("Clear", undefined, () => this.clear()), ...words("or an example"), part("examples", ...examples.map((_, digit) => button(String(digit), `example: ${digit}`, () => this.example(digit))))),
          part("bars", part("bar head", make("b"), ...words("logit", "", "probability")), ...this.bars.map(({ row }) => row))),
        part("right",
          row("row", "what it sees", "28×28×1", part("seen", this.seen, ...words("Scaled into 20×20 pixels, then centred by its ink, as MNIST was."))),
          ...this.maps.map(({ what, shape, shown }) => row(shape.includes("×") ? "row" : "row strip", what, shape, shown)))),
      part("note", `Learned from ${digits.learned_from.toLocaleString("en")} digits of MNIST; right on ${number(100 * digits.accuracy, 1)}% of ${digits.tested_on.toLocaleString("en")} others. It knows ten digits, and nothing else.`))
    new MutationObserver(() => { this.looked = undefined; this.draw() }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] })
  }

  clear() {
    this.go({ strokes: [], down: false })
  }

  example(digit) {
    this.go({ strokes: examples[digit], down: false })
  }

  /** Add a point to the last stroke, or begin one; an example goes when a hand begins to draw. */
  ink(point, begins) {
    const { strokes } = this.state
    const own = examples.includes(strokes) ? [] : strokes
    const last = begins ? [] : own.at(-1) ?? []
    Object.assign(this.state, { strokes: [...(begins ? own : own.slice(0, -1)), [...last, point]], pen: point })
  }

  /** Let a mouse, a finger and the keyboard draw on the paper. */
  draws() {
    const { paper } = this
    const stroke = (event, begins) => {
      const at = [event.offsetX / paper.clientWidth, event.offsetY / paper.clientHeight]
      this.ink(at.map(share => clamp(share, 0, 1)), begins)
      this.go({ down: false })
    }
    paper.addEventListener("pointerdown", event => {
      if (event.button) return
      paper.setPointerCapture(event.pointerId)
      stroke(event, true)
    })
    paper.addEventListener("pointermove", event => {
      if (paper.hasPointerCapture(event.pointerId)) stroke(event)
    })
    for (const name of ["focus", "blur"]) paper.addEventListener(name, () => this.draw())
    const ways = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }
    paper.addEventListener("keydown", event => {
      if (event.altKey || event.ctrlKey || event.metaKey) return
      const { pen, down } = this.state
      if (ways[event.key]) {
        const far = event.shiftKey ? 0.125 : 0.05
        const next = pen.map((share, n) => clamp(share + far * ways[event.key][n], 0, 1))
        if (down) this.ink(next)
        else this.state.pen = next
      } else if (event.key === " ") {
        this.state.down = !down
        if (!down) this.ink(pen, true)
      } else if (/^(Delete|Backspace)$/.test(event.key)) this.clear()
      else if (/^\d$/.test(event.key)) this.example(Number(event.key))
      else return
      event.preventDefault()
      this.go({})
    })
  }

  draw() {
    const { strokes } = this.state
    const style = getComputedStyle(this)
    this.write(style)
    if (strokes === this.looked) return
    this.looked = strokes
    this.pixels = picture(strokes)
    this.found = look(NETWORK, this.pixels)
    const [zero, plus, minus, ink] = ["zero", "plus", "minus", "ink"].map(name => colour(style.getPropertyValue(`--ex-${name}`).trim()))
    paint(this.seen, volume([SIDE, SIDE, 1], this.pixels), { zero, plus: ink, minus })
    const empty = !strokes.length
    for (const { name, shown } of this.maps) {
      paint(shown, this.found.stages[name], { zero, plus, minus })
    }
    const best = this.found.chances.indexOf(Math.max(...this.found.chances))
    this.bars.forEach(({ row, logit, bar, chance }, digit) => {
      row.classList.toggle("pad-best", !empty && digit === best)
      logit.textContent = empty ? "" : fixed(this.found.logits[digit], 1)
      bar.style.width = `${empty ? 0 : 100 * this.found.chances[digit]}%`
      chance.textContent = empty ? "" : share(this.found.chances[digit])
    })
  }

  /** The strokes on the paper, and the pen of who draws by keyboard. */
  write(style) {
    const { paper } = this
    const side = paper.width
    const context = paper.getContext("2d")
    const at = ([x, y]) => [x * side, y * side]
    context.clearRect(0, 0, side, side)
    Object.assign(context, { lineWidth: side / 13, lineCap: "round", lineJoin: "round", strokeStyle: style.getPropertyValue("--ex-ink") })
    for (const stroke of this.state.strokes) {
      context.beginPath()
      context.moveTo(...at(stroke[0]))
      for (const point of stroke) context.lineTo(...at(point))
      context.stroke()
    }
    if (!paper.matches(":focus-visible")) return
    const [x, y] = at(this.state.pen)
    Object.assign(context, { lineWidth: 4, strokeStyle: style.getPropertyValue("--ex-orange"), fillStyle: style.getPropertyValue("--ex-orange") })
    context.beginPath()
    context.arc(x, y, 14, 0, 7)
    context.stroke()
    if (this.state.down) context.fill()
  }

  sentence() {
    const { strokes, down, pen } = this.state
    const { logits, chances } = this.found
    const hand = this.paper.matches(":focus-visible") ? ` The pen is ${down ? "down" : "up"} at ${pen.map(share => number(share)).join(", ")}.` : ""
    if (!strokes.length) return `The pad is empty, so there is nothing to say. Draw a digit, or choose an example.${hand}`
    const [first, second] = [...chances.keys()].sort((a, b) => chances[b] - chances[a])
    const says = chances[first] > 0.95 ? `A ${first}, it is sure` : chances[first] > 0.6 ? `Probably a ${first}` : `It cannot decide; perhaps a ${first}`
    const more = logits[first] - logits[second]
    return `${says}: p ${share(chances[first]).replace(/^0/, "= 0")}. Its logit, ${number(logits[first])}, is ${number(more)} above that of the ${second}, so it is e^${number(more)}${more > 9 ? "" : ` = ${number(Math.exp(more), 1)}`} times as probable.${hand}`
  }
})
