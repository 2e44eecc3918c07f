// Python in the page: loads Pyodide and the kit, says how many bytes are left, and answers requests with the kit's words.
// In: { start: { base, chapter, book } }, then { id, request }. Out: { left }, { ready }, { id, answer } or { id, failed }.
const plainFetch = self.fetch.bind(self)
const early = new Map() // what Pyodide will ask for, on its way already
let left = 0, told = 0, sizes = {}, base, book, python, session, ready

function tell(now) {
  if (!now && performance.now() - told < 80) return
  told = performance.now()
  postMessage({ left: Math.max(left, 0) })
}

// Fetch a file of the book; `left` counts what it weighs on the wire.
async function counted(url) {
  const [size, wire] = sizes[url] ?? [1, 0]
  left += wire
  const answer = await plainFetch(url, { cache: "force-cache" }) // names change with contents, so the cache is never stale
  if (!answer.ok) throw new Error(`${url} could not be loaded (${answer.status})`)
  const count = new TransformStream({
    transform(chunk, stream) {
      left -= (chunk.length * wire) / size
      tell()
      stream.enqueue(chunk)
    },
  })
  const type = url.endsWith(".wasm") ? "application/wasm" : "application/octet-stream"
  return new Response(answer.body.pipeThrough(count), { headers: { "content-type": type } })
}

const bytes = async url => new Uint8Array(await (await counted(url)).arrayBuffer())

self.fetch = (what, how) => {
  const url = String(what.url ?? what)
  const response = early.get(url)
  early.delete(url)
  return response ?? (url in sizes ? counted(url) : plainFetch(what, how))
}

function unpack(archive, place = "/lib/python3.12/site-packages") {
  python.FS.writeFile("/tmp/archive.zip", archive)
  python.runPython(`import zipfile; zipfile.ZipFile("/tmp/archive.zip").extractall("${place}")`)
}

async function start(given) {
  ;({ base, book } = given)
  const runtime = base + book.runtime
  for (const [name, size] of Object.entries(book.files)) sizes[base + name] = size
  const page = book.chapters[given.chapter].files.map(name => [name, bytes(`${base}${given.chapter}/${name}?v=${book.version}`)])
  const kit = bytes(base + book.kit)
  const script = bytes(`${runtime}pyodide.asm.js`)
  early.set(`${runtime}pyodide.asm.wasm`, counted(`${runtime}pyodide.asm.wasm`)) // a stream: it is compiled on its way
  for (const url of [base + book.stdlib, `${runtime}pyodide-lock.json`, runtime + book.numpy])
    early.set(url, bytes(url).then(content => new Response(content)))
  importScripts(`${runtime}pyodide.js`, URL.createObjectURL(new Blob([await script])))
  const env = { HOME: "/home/pyodide", MPLBACKEND: "module://autograder.live.figures" }
  python = await loadPyodide({ indexURL: runtime, stdLibURL: base + book.stdlib, env })
  await python.loadPackage("numpy", { messageCallback() {} })
  unpack(await kit)
  for (const [name, content] of page) python.FS.writeFile(name, await content)
  session = python.pyimport("autograder.live.session").Session(given.chapter, book.stub)
  postMessage({ ready: true })
}

// Load the package by which a cell imports something; false where there is none.
async function load(name) {
  const large = book.large[name]
  if (large) unpack(await bytes(base + large))
  else {
    const root = name.split(".")[0]
    const figures = root === "matplotlib" && book.figures ? bytes(base + book.figures) : null
    const loaded = await python.loadPackagesFromImports(`import ${root}`, { messageCallback() {} })
    if (!loaded.length) return false
    if (figures) unpack(await figures, "/")
  }
  python.pyimport("importlib").invalidate_caches()
  return true
}

async function ask(request) {
  const tried = new Set()
  for (;;) {
    const answer = JSON.parse(session.answer(JSON.stringify(request)))
    const name = answer.missing
    if (!name) return answer
    if (!tried.has(name)) {
      tried.add(name)
      if (await load(name)) continue
    }
    return { outputs: [{ kind: "error", text: answer.error ?? `ModuleNotFoundError: No module named '${name}'` }] }
  }
}

self.onmessage = async ({ data }) => {
  if (data.start) return void (ready = start(data.start)).catch(() => {})
  try {
    await ready
    postMessage({ id: data.id, answer: await ask(data.request) })
  } catch (error) {
    postMessage({ id: data.id, failed: String(error.message ?? error).trim().split("\n").at(-1) })
  }
}
