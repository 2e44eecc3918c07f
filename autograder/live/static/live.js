// The live page: turns the code of a page into cells that can be written, run and checked. Nothing is loaded before the
// reader asks. Words of reports come from the kit; here stand only the labels of buttons and what became of a request.
const base = new URL(".", import.meta.url).href
const once = make => { let made; return () => (made ??= make()) }
const fetched = async (name, how) => {
  const answer = await fetch(base + name, how)
  if (!answer.ok) throw new Error(`${name} could not be loaded (${answer.status})`)
  return answer.json()
}
const book = once(() => fetched("book.json", { cache: "no-cache" }))

function element(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes)
  made.append(...children)
  return made
}
const button = (text, click, className = "") => element("button", { type: "button", textContent: text, onclick: click, className })

// What the reader wrote, by chapter: { work: { key: { text, original } }, scores: { kernel: { score, points } } }.
const PREFIX = "cnn-course:"
const WORDS = 30 // of an answer of one's own, before a model answer is shown

const store = {
  of(chapter) {
    try {
      return { work: {}, scores: {}, ...JSON.parse(localStorage.getItem(PREFIX + chapter)) }
    } catch {
      return { work: {}, scores: {} }
    }
  },
  change(chapter, change) {
    const kept = store.of(chapter) // read afresh: another tab may have written meanwhile
    change(kept)
    try {
      localStorage.setItem(PREFIX + chapter, JSON.stringify(kept))
    } catch {
      note("This browser keeps nothing: download the notebook before you leave the page.")
    }
  },
  keys: () => Object.keys(localStorage).filter(key => key.startsWith(PREFIX)),
}
const note = text => document.querySelector("live-page")?.say(text)

// Python in a worker of its own, so that nothing the reader writes can hold up the page.
class Runtime {
  #worker; #waiting = new Map(); #count = 0; #tell = () => {}; #chapter
  async start(chapter) {
    this.#chapter = chapter
    if (this.#worker) return
    const given = await book()
    this.#worker ??= this.#begin(given)
  }
  #begin(given) {
    const worker = new Worker(`${base}worker.js?v=${given.version}`)
    worker.onmessage = ({ data }) => {
      if ("left" in data) this.#tell(data.left)
      if (data.ready) this.#tell(null)
      const waiting = this.#waiting.get(data.id)
      if (!waiting) return
      this.#waiting.delete(data.id)
      "failed" in data ? this.#fail(waiting, data.failed) : waiting.resolve(data.answer)
    }
    worker.onerror = event => this.stop(`Python came to an end: ${event.message}`)
    worker.postMessage({ start: { base, chapter: this.#chapter, book: given } })
    return worker
  }
  #fail(waiting, why) {
    this.#worker?.terminate() // whatever failed there, a new one begins afresh
    this.#worker = null
    waiting.reject(new Error(why))
  }
  async ask(chapter, request, tell) {
    this.#tell = tell
    await this.start(chapter)
    const id = ++this.#count
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, request })
    })
  }
  stop(why = "Stopped.") {
    this.#worker?.terminate()
    this.#worker = null
    for (const waiting of this.#waiting.values()) waiting.reject(new Error(why))
    this.#waiting.clear()
    this.#tell = () => {}
    this.start(this.#chapter) // ready again by the time that it is wanted
  }
}
const runtime = new Runtime()

const editor = once(async () => {
  const { editor } = await book()
  return editor ? import(base + editor) : { open: plainEditor }
})

// A text field, for a book that was built without the editor.
function plainEditor(parent, text, label, changed, run) {
  const area = element("textarea", { value: text, spellcheck: false, rows: text.split("\n").length + 1 })
  area.setAttribute("aria-label", label)
  area.oninput = () => changed(area.value)
  area.onkeydown = event => event.key === "Enter" && (event.ctrlKey || event.metaKey) && (event.preventDefault(), run())
  parent.append(area)
  return { text: () => area.value, set: text => changed((area.value = text)), focus: () => area.focus() }
}

class LiveCell extends HTMLElement {
  connectedCallback() {
    if (this.page) return
    this.cell = this.closest("div.cell")
    this.page = document.querySelector("live-page")
    const { kind, kernel, number } = this.dataset
    if (kind === "check") return void (this.cell.hidden = true) // the exercise above has its own button
    this.key ??= kernel ?? `cell-${number}`
    this.scratch = kind === "scratch"
    this.block = this.scratch ? null : this.parentElement.querySelector("div.highlight")
    this.original = this.block ? this.block.querySelector("pre").textContent.replace(/\n$/, "") : ""
    this.verb = kernel && !this.scratch ? "Check" : "Run"
    this.label = this.scratch ? "scratch cell" : kernel ? `exercise ${kernel}` : "this cell"
    this.build()
    if (this.kept) this.write(false)
  }
  get kept() { return store.of(this.page.chapter).work[this.key] }
  get text() { return this.editing?.text() ?? this.kept?.text ?? this.original }

  build() {
    const { kernel } = this.dataset
    this.place = element("div", { className: "live-editor", hidden: true })
    this.go = button(this.verb, () => this.run(), "live-go")
    this.go.title = "Ctrl+Enter in the editor"
    this.edit = button("Edit", () => this.write(true))
    this.halt = button("Stop", () => runtime.stop())
    this.back = button("Reset", () => this.reset())
    this.status = element("span", { className: "live-status", role: "status" })
    this.bar = element("progress", { max: 1, hidden: true })
    this.bar.setAttribute("aria-label", "loading Python")
    this.halt.hidden = this.back.hidden = true
    for (const one of [this.go, this.edit, this.halt, this.back]) one.setAttribute("aria-label", `${one.textContent}: ${this.label}`)
    const bar = element("div", { className: "live-bar" }, this.go, this.halt, this.edit, this.back)
    if (kernel && !this.scratch) bar.append(button("Scratch cell", () => this.addScratch(true)))
    bar.append(this.bar, this.status)
    this.output = element("div", { className: "live-output" })
    this.changed = element("details", { className: "live-changed", hidden: true })
    this.append(this.place, this.changed, bar)
    this.scratch ? this.append(this.output) : this.cell.append(this.output)
    if (kernel && !this.scratch) {
      this.classList.add("live-exercise")
      this.showScore()
      if (store.of(this.page.chapter).work[`scratch-${kernel}`]) this.addScratch(false)
    }
    this.block?.addEventListener("click", event => {
      if (!event.target.closest("button") && !getSelection().toString()) this.write(true)
    })
    if (this.scratch) this.write(this.isNew)
  }

  addScratch(isNew) {
    const there = this.cell.querySelector("live-cell[data-kind=scratch]")
    if (there) return there.editing?.focus()
    const made = Object.assign(document.createElement("live-cell"), { key: `scratch-${this.dataset.kernel}`, isNew })
    Object.assign(made.dataset, { kind: "scratch", number: this.dataset.number, kernel: this.dataset.kernel })
    this.cell.append(made)
  }

  // Put the editor in the place of the printed code.
  async write(focus) {
    this.edit.hidden = true
    const kept = this.kept
    this.opening ??= (async () => {
      const { open } = await editor()
      this.place.hidden = false
      this.editing = open(this.place, kept?.text ?? this.original, `Python code of ${this.label}`, () => this.keep(), () => this.run())
      if (this.block) this.block.hidden = true
    })()
    try {
      await this.opening
    } catch (error) {
      this.opening = null
      this.edit.hidden = false
      return void (this.status.textContent = `The editor could not be loaded: ${error.message}`)
    }
    this.back.hidden = !this.kept
    if (kept && kept.original !== this.original && !this.scratch) {
      this.changed.hidden = false
      this.changed.replaceChildren(
        element("summary", { textContent: "The book has another text here since you began. Yours is kept; unfold to see the new one." }),
        element("pre", { textContent: this.original }),
      )
    }
    if (focus) this.editing.focus()
  }

  keep() {
    this.typed = true
    clearTimeout(this.pause)
    this.pause = setTimeout(() => this.save(), 300)
    this.back.hidden = false
  }
  save() {
    clearTimeout(this.pause)
    if (!this.editing || !this.typed) return // what stands here may be older than what another tab wrote
    this.typed = false
    const text = this.editing.text()
    store.change(this.page.chapter, kept => {
      const original = kept.work[this.key]?.original ?? this.original
      if (text === this.original || (this.scratch && !text.trim())) delete kept.work[this.key]
      else kept.work[this.key] = { text, original }
    })
  }
  reset() {
    if (!confirm(this.scratch ? "Empty the scratch cell?" : `Throw your text of ${this.label} away and begin again?`)) return
    this.editing?.set(this.original)
    store.change(this.page.chapter, kept => { delete kept.work[this.key] })
    clearTimeout(this.pause)
    this.changed.hidden = true
    this.back.hidden = true
    this.editing?.focus()
  }

  async run() {
    if (this.page.busy) return
    this.save()
    this.page.busy = true
    document.body.classList.add("live-busy")
    this.halt.hidden = false
    this.go.disabled = true
    this.status.textContent = "Starting Python …"
    this.status.classList.remove("live-said-aloud")
    const { kernel, number } = this.dataset
    const written = this.page.written()
    const request = this.verb === "Check"
      ? { do: "check", kernel, written }
      : { do: "run", number: +number, written, ...(this.scratch && { scratch: this.text }) }
    try {
      const answer = await runtime.ask(this.page.chapter, request, left => this.progress(left))
      this.show(answer)
    } catch (error) {
      this.status.textContent = error.message
    }
    this.page.busy = false
    document.body.classList.remove("live-busy")
    this.halt.hidden = this.bar.hidden = true
    this.go.disabled = false
  }
  progress(left) {
    if (left) this.most = Math.max(this.most ?? 0, left)
    this.bar.hidden = !left
    if (left) this.bar.value = 1 - left / this.most
    this.status.textContent = left ? `Loading Python: ${(left / 1e6).toFixed(1)} MB left`
      : left === null ? (this.verb === "Check" ? "Checking …" : "Running …") : "Starting Python …"
  }

  show(answer) {
    const parts = (answer.outputs ?? []).map(({ kind, text }) => {
      if (kind === "picture") return element("img", { src: `data:image/png;base64,${text}`, alt: "figure drawn by this cell", onload: event => (event.target.width = event.target.naturalWidth / 2) })
      if (kind === "html") return element("div", { innerHTML: text })
      return element("pre", { className: `live-${kind}`, textContent: text })
    })
    if (answer.report) parts.push(element("div", { innerHTML: answer.report }))
    if (answer.first?.length) parts.push(this.firstWrite(answer.first))
    this.output.replaceChildren(...parts)
    for (const old of this.scratch ? [] : this.cell.querySelectorAll(":scope > .cell_output, :scope > details.below-input, :scope > details.above-output"))
      old.hidden = true
    if (this.verb === "Check") {
      const { score = 0, verdict = "it does not run" } = answer
      const points = +this.dataset.points
      store.change(this.page.chapter, kept => { kept.scores[this.dataset.kernel] = { score, points } })
      this.status.textContent = `${score} of ${points} points: ${verdict}`
      this.status.classList.toggle("live-said-aloud", Boolean(answer.report)) // the report's head says the same
      this.showScore()
      this.page.showProgress()
    } else this.status.textContent = answer.first?.length || answer.outputs?.some(one => one.kind === "error") ? "" : parts.length ? "Done." : "Done; nothing was printed."
  }
  firstWrite(kernels) {
    const links = kernels.flatMap((kernel, at) => [at ? ", " : "", element("a", { href: `#live-${kernel}` }, element("code", { textContent: kernel }))])
    return element("p", { className: "live-first" }, "This uses ", ...links, ": write that exercise first.")
  }
  showScore() {
    const got = store.of(this.page.chapter).scores[this.dataset.kernel]
    this.classList.toggle("live-passed", Boolean(got && got.score >= +this.dataset.points))
  }
}

// The field for a written answer; a model answer can be compared with it once something stands there.
class LiveAnswer extends HTMLElement {
  connectedCallback() {
    if (this.page) return
    this.page = document.querySelector("live-page")
    this.key = `answer-${this.dataset.question}`
    const model = this.querySelector("template")
    this.area = element("textarea", { value: store.of(this.page.chapter).work[this.key]?.text ?? "", rows: 8, placeholder: "Your answer" })
    this.area.setAttribute("aria-label", "your answer to the question above")
    this.area.oninput = () => { this.typed = true; clearTimeout(this.pause); this.pause = setTimeout(() => this.save(), 300); this.count() }
    addEventListener("storage", () => this.take())
    this.status = element("span", { className: "live-status", role: "status" })
    const field = element("div", { className: "live-editor" }, this.area)
    const bar = element("div", { className: "live-bar" }, this.status)
    this.append(field, bar)
    if (model) {
      this.model = element("div", { className: "live-model", hidden: true }, model.content)
      this.compare = button("Compare with a model answer", () => { this.model.hidden = !this.model.hidden; this.compare.setAttribute("aria-expanded", !this.model.hidden) })
      this.compare.setAttribute("aria-expanded", false)
      bar.prepend(this.compare)
      this.append(this.model)
    }
    this.count()
  }
  count() {
    if (!this.compare) return
    const words = this.area.value.split(/\s+/).filter(Boolean).length
    this.compare.disabled = words < WORDS && this.model.hidden
    this.status.textContent = words < WORDS ? `Write ${WORDS - words} words more; then a model answer is shown to compare with.` : ""
  }
  // What another tab wrote, unless something is being typed here.
  take() {
    if (this.typed) return
    this.area.value = store.of(this.page.chapter).work[this.key]?.text ?? ""
    this.count()
  }
  save() {
    clearTimeout(this.pause)
    if (!this.typed) return // what stands here may be older than what another tab wrote
    this.typed = false
    const text = this.area.value
    store.change(this.page.chapter, kept => {
      if (!text.trim()) delete kept.work[this.key]
      else kept.work[this.key] = { text, original: "" }
    })
  }
}

class LivePage extends HTMLElement {
  connectedCallback() {
    if (this.chapter) return
    this.chapter = this.dataset.chapter
    this.progress = element("span", { className: "live-progress", role: "status" })
    const input = (accept, take) => element("input", { type: "file", accept, hidden: true, onchange: event => event.target.files[0] && take(event.target.files[0]).catch(error => this.say(error.message)) })
    const notebook = input(".ipynb", file => this.openNotebook(file))
    const saved = input(".json", file => loadProgress(file))
    this.said = element("p", { className: "live-said", role: "status" })
    this.append(this.progress, element("details", {},
      element("summary", { textContent: "Your work" }),
      element("p", { textContent: "Write, run and check in this page: Python runs in your browser. What you write stays in this browser, and nothing is sent anywhere." }),
      element("div", { className: "live-bar" },
        button("Download notebook", () => this.download().catch(error => this.say(error.message))),
        button("Open a notebook …", () => notebook.click()),
        button("Save all progress", saveProgress),
        button("Load progress …", () => saved.click()),
        button("Erase everything", eraseEverything)),
      notebook, saved, this.said))
    this.showProgress()
    addEventListener("pagehide", () => this.saveAll())
    document.addEventListener("visibilitychange", () => document.hidden && this.saveAll())
  }
  get answers() { return [...document.querySelectorAll("live-answer")] }
  saveAll() { [...this.cells, ...this.answers].forEach(one => one.save?.()) }
  get cells() { return [...document.querySelectorAll("live-cell")].filter(cell => cell.key) }
  say(text) {
    this.querySelector("details").open = true
    this.said.textContent = text
  }
  // Texts that differ from the book's, by the number of their cell.
  written() {
    const cells = this.cells.filter(cell => !cell.scratch && cell.text !== cell.original)
    return Object.fromEntries(cells.map(cell => [cell.dataset.number, cell.text]))
  }
  showProgress() {
    const exercises = this.cells.length ? this.cells : [...document.querySelectorAll("live-cell")]
    const all = exercises.filter(cell => cell.dataset.kind === "exercise")
    const { scores } = store.of(this.chapter)
    const passed = all.filter(cell => scores[cell.dataset.kernel]?.score >= +cell.dataset.points).length
    const points = all.reduce((sum, cell) => sum + (scores[cell.dataset.kernel]?.score ?? 0), 0)
    const most = all.reduce((sum, cell) => sum + +cell.dataset.points, 0)
    this.progress.textContent = `${passed} of ${all.length} exercises passed, ${+points.toFixed(2)} of ${most} points`
    showCourse()
  }
  async notebook() {
    const { version } = await book()
    return fetched(`${this.chapter}/${this.chapter}.ipynb?v=${version}`, { cache: "force-cache" })
  }
  async download() {
    this.saveAll()
    const notebook = await this.notebook()
    const { work } = store.of(this.chapter)
    const written = this.written()
    notebook.cells.filter(cell => cell.cell_type === "code").forEach((cell, number) => {
      if (number in written) cell.source = written[number]
    })
    for (const cell of notebook.cells) {
      const answer = work[`answer-${cell.metadata.nbgrader?.grade_id}`]
      if (answer) cell.source = answer.text
    }
    // beside the cells, so that no experiment counts in grading
    notebook.metadata.scratch = Object.fromEntries(Object.entries(work).filter(([key]) => key.startsWith("scratch-")).map(([key, { text }]) => [key, text]))
    saveFile(`${this.chapter}.ipynb`, notebook)
  }
  async openNotebook(file) {
    const theirs = JSON.parse(await file.text())
    const ours = await this.notebook()
    const source = cell => [cell.source].flat().join("")
    const name = cell => cell.metadata?.nbgrader?.grade_id ?? cell.id
    const found = new Map((theirs.cells ?? []).map(cell => [name(cell), cell]))
    const code = ours.cells.filter(cell => cell.cell_type === "code")
    const exercises = code.filter(cell => cell.metadata.nbgrader?.solution)
    if (!exercises.some(cell => found.has(name(cell)))) throw new Error(`${file.name} is no notebook of this chapter.`)
    const had = Object.keys(store.of(this.chapter).work).length
    if (had && !confirm("Put the notebook's texts in the place of those that stand in this page?")) return
    const work = {}
    for (const cell of ours.cells) {
      const grader = cell.metadata.nbgrader
      const other = found.get(name(cell))
      if (!other || (grader && !grader.solution) || source(other) === source(cell)) continue
      const key = !grader ? `cell-${code.indexOf(cell)}` : cell.cell_type === "code" ? grader.grade_id : `answer-${grader.grade_id}`
      work[key] = { text: source(other), original: source(cell) }
    }
    for (const [key, text] of Object.entries(theirs.metadata?.scratch ?? {})) work[key] = { text, original: "" }
    this.leave(() => store.change(this.chapter, kept => { kept.work = work }))
  }
  // Change what is kept and show the page as it then is; what stands in its editors must not be saved over it.
  leave(change) {
    for (const one of [...this.cells, ...this.answers]) { clearTimeout(one.pause); one.save = () => {} }
    change()
    location.reload()
  }
}

function saveFile(name, content) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }))
  element("a", { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 10000)
}
function saveProgress() {
  document.querySelector("live-page")?.saveAll()
  saveFile("cnn-course-progress.json", Object.fromEntries(store.keys().map(key => [key, JSON.parse(localStorage.getItem(key))])))
}
async function loadProgress(file) {
  const given = JSON.parse(await file.text())
  const keys = Object.keys(given).filter(key => key.startsWith(PREFIX) && typeof given[key] === "object")
  if (!keys.length) throw new Error(`${file.name} holds no progress of this course.`)
  if (store.keys().length && !confirm("Put this file's texts and points in the place of those in this browser?")) return
  document.querySelector("live-page").leave(() => keys.forEach(key => localStorage.setItem(key, JSON.stringify(given[key]))))
}
function eraseEverything() {
  if (!confirm("Erase all that you wrote and reached, in all chapters, from this browser?")) return
  document.querySelector("live-page").leave(() => [...store.keys(), "cnn-course-place"].forEach(key => localStorage.removeItem(key))) // and where it was read, place.js
}

// Points beside the chapters' names, and where to go on; nothing is fetched for a reader who has not begun.
async function showCourse() {
  if (!store.keys().length) return
  const { chapters } = await book()
  let next, first
  for (const [name, { number, title, page, exercises }] of Object.entries(chapters)) {
    const { scores } = store.of(name)
    const points = exercises.reduce((sum, one) => sum + (scores[one.kernel]?.score ?? 0), 0)
    const most = exercises.reduce((sum, one) => sum + one.points, 0)
    const open = exercises.some(one => !(scores[one.kernel]?.score >= one.points))
    exercises.forEach(({ kernel, points }, at) => { // the first open one after the last that was passed, or tried
      const here = { number, title, page, kernel, exercise: at + 1 }
      const score = scores[kernel]?.score
      if (score >= points) return void (next = undefined)
      first ??= here
      next = score === undefined ? next ?? here : here
    })
    const url = new URL(`../../${page}`, base).href
    for (const link of document.querySelectorAll(".bd-sidebar-primary nav a.reference.internal"))
      if (link.href.split("#")[0] === url) {
        link.querySelector(".live-points")?.remove()
        if (points) link.append(element("span", { className: "live-points", textContent: !open ? "✓" : `${+points.toFixed(2)}/${most}`, title: `${+points.toFixed(2)} of ${most} points` }))
      }
  }
  next ??= first
  for (const place of document.querySelectorAll("live-course"))
    place.replaceChildren(next
      ? element("p", {}, "Go on with ", element("a", { href: `${new URL(`../../${next.page}`, base)}#live-${next.kernel}` }, `chapter ${next.number}, ${next.title}, exercise ${next.exercise}`), ".")
      : element("p", { textContent: "All exercises are passed." }))
}

customElements.define("live-page", LivePage)
customElements.define("live-cell", LiveCell)
customElements.define("live-answer", LiveAnswer)
showCourse().catch(() => {})
