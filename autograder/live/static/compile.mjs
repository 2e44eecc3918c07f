// Compiles in Pyodide itself, at build time, what a first check loads: node compile.mjs RUNTIME KIT RELEASE CHAPTER STUB OUT
// OUT gets kit.zip and python_stdlib.zip, in which the modules that were loaded are bytecode; all else is as it was.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const [runtime, kit, release, chapter, stub, out] = process.argv.slice(2)
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`))
const python = await loadPyodide({ indexURL: `${runtime}/`, packageCacheDir: `${runtime}/` })
await python.loadPackage("numpy", { messageCallback() {} })
const put = (from, to) => python.FS.writeFile(to, new Uint8Array(readFileSync(from)))
put(kit, "/kit.zip")
put(`${runtime}/python_stdlib.zip`, "/python_stdlib.zip")
python.FS.mkdirTree("/page")
for (const file of readdirSync(release)) put(`${release}/${file}`, `/page/${file}`)
python.FS.chdir("/page")
python.globals.set("chapter", chapter)
python.globals.set("stub", stub)
python.runPython(readFileSync(new URL("compile.py", import.meta.url), "utf8"))
for (const name of ["kit.zip", "python_stdlib.zip"]) writeFileSync(`${out}/${name}`, python.FS.readFile(`/made/${name}`))
