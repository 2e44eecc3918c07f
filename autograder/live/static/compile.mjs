// Compiles in Pyodide itself, at build time, what a first check loads: node compile.mjs RUNTIME KIT RELEASE CHAPTER STUB OUT
// OUT gets kit.zip and python_stdlib.zip, in which the modules that were loaded are bytecode and all else is as it was,
// and figures.zip, with the bytecode of what a first figure loads.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { pathToFileURL } from "node:url"

const [runtime, kit, release, chapter, stub, out] = process.argv.slice(2)
const { loadPyodide } = await import(pathToFileURL(`${runtime}/pyodide.mjs`))
const env = { HOME: "/home/pyodide", MPLBACKEND: "module://autograder.live.figures" } // as in the page
const python = await loadPyodide({ indexURL: `${runtime}/`, packageCacheDir: `${runtime}/`, env })
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
await python.loadPackage("matplotlib", { messageCallback() {} })
python.runPython("compile_figures()")
for (const name of ["kit.zip", "python_stdlib.zip", "figures.zip"]) writeFileSync(`${out}/${name}`, python.FS.readFile(`/made/${name}`))
