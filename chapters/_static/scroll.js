// What scrolls sideways can be scrolled by keys: a stop of the Tab key where something is cut off, and nowhere else.
{
  const wide = "article :is(pre, mjx-container[display=true], .pst-scrollable-table-container, .cnnr-scroll, .cell_output .output, .drawn)"
  const look = () => {
    for (const one of document.querySelectorAll(wide)) {
      const cut = one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible"
      if (cut) one.tabIndex = 0
      else if (one.tabIndex === 0) one.removeAttribute("tabindex")
    }
  }
  let soon
  const later = () => { clearTimeout(soon); soon = setTimeout(look, 150) }
  addEventListener("load", () => { look(); window.MathJax?.startup?.promise?.then(look) })
  addEventListener("resize", later)
  document.addEventListener("toggle", later, true)
  document.addEventListener("click", later)
}
