// A grid of pixels that can be switched, and the same numbers in a row, as a neuron gets them.
import { Explorer, Grid, clamp, define, make, panel } from "./figure.js"

define("flat", class extends Explorer {
  begin() {
    return { image: [[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]], row: 2, column: 2 }
  }

  build() {
    this.grid = new Grid("grid", 5, 5)
    this.line = new Grid("row", 1, 25)
    this.frames = [this.grid.frame(), this.line.frame()]
    this.grid.movable("pixel of the image; arrow keys move, space switches", ({ row, column, down = 0, right = 0 }) => this.go({ row: row ?? this.state.row + down, column: column ?? this.state.column + right }))
    this.grid.node.addEventListener("click", () => this.switch())
    this.line.movable("number in the row; arrow keys move", ({ column, right = 0, down = 0 }) => {
      const place = clamp(column ?? this.state.row * 5 + this.state.column + right + down, 0, 24)
      this.go({ row: Math.floor(place / 5), column: place % 5 })
    })
    for (const { node } of [this.grid, this.line]) {
      node.addEventListener("keydown", event => {
        if (event.key !== " " && event.key !== "Enter") return
        event.preventDefault()
        this.switch()
      })
    }
    this.stage.append(make("div", { class: "explore-row" }, panel("5 × 5", this.grid.node)), make("div", { class: "explore-row flat-line" }, panel("25 in a row", this.line.node)))
    this.controls(make("button", { type: "button", onclick: () => this.go(this.begin()) }, "Back to the X"))
  }

  /** Switch the pixel that is framed. */
  switch() {
    const { image, row, column } = this.state
    image[row][column] = 1 - image[row][column]
    this.go({})
  }

  draw() {
    const { image } = this.state
    const row = this.state.row = clamp(this.state.row, 0, 4)
    const column = this.state.column = clamp(this.state.column, 0, 4)
    image.forEach((line, i) => line.forEach((value, j) => {
      for (const [grid, at] of [[this.grid, [i, j]], [this.line, [0, 5 * i + j]]]) {
        grid.write(...at, value)
        grid.pixel(...at, value ? 34 : 255)
      }
    }))
    this.frames[0](row, column)
    this.frames[1](0, 5 * row + column)
  }

  sentence() {
    const { image, row, column } = this.state
    return `The pixel in row ${row}, column ${column} comes to place ${row}·5 + ${column} = ${row * 5 + column}. It is ${image[row][column]}.`
  }
})
