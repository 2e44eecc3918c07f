// The search: sections that hold the words asked for, the best first. It reads SECTIONS, which the build writes.
{
  const MOST = 30, AROUND = 90
  const NONE = new Set("a an and are as at be but by can do does for how if in into is it not of on or that the their then there these they this to was what when where which why will with".split(" "))

  // "padding", "padded" and "pads" are one word; so are "normalise" and "normalize"
  const stem = word => {
    if (word.length < 4 || /\d/.test(word)) return word
    let short = word.replace(/iz(?=e|ing|ation)/, "is").replace(/ies$/, "y").replace(/(?<=[^su])s$/, "")
    short = short.replace(/(?<=[aeiouy].*)(?:ing|ed)$/, "").replace(/([bdgmnprt])\1$/, "$1")
    return short.length > 3 ? short.replace(/e$/, "") : short
  }
  const WORD = /\d+(?:,\d{3})+|\d+\.\d+|[\p{L}\p{N}×]+/gu
  const stems = new Map()
  const read = word => {
    const plain = word.toLowerCase().replace(/(?<=\d),(?=\d)/g, "").replaceAll("×", "x")
    if (!stems.has(plain)) stems.set(plain, stem(plain))
    return stems.get(plain)
  }
  const words = text => (text.match(WORD) ?? []).map(read)
  const asked = text => {
    const all = words(text), telling = all.filter(word => !NONE.has(word))
    return [...new Set(telling.length ? telling : all)]
  }

  // how much of a word of the text is asked for: all of it, or its beginning, as "norm" in "normalisation"
  const like = (word, wanted) => word === wanted ? 1 : wanted.length > 2 && word.startsWith(wanted) ? .4 : 0
  const times = (list, wanted) => list.reduce((sum, word) => sum + like(word, wanted), 0)

  const known = () => SECTIONS.map(one => {
    const text = words(one.text), named = words(one.term ?? one.head)
    // a term's forms: "stochastic gradient descent (SGD)", "feature map, activation map"
    const forms = (one.term ?? "").split(/[,()]/).map(words).filter(form => form.length)
    return { one, text, named, forms, above: words(one.in), length: text.length + named.length }
  })

  const find = (all, query) => {
    const wanted = asked(query)
    if (!wanted.length) return []
    const mean = all.reduce((sum, one) => sum + one.length, 0) / all.length
    const scored = all.map(each => ({ ...each, score: 0, held: 0 }))
    for (const word of wanted) {
      const often = all.map(({ text, named, above }) => times(text, word) + 5 * times(named, word) + .5 * times(above, word))
      const rare = Math.log(1 + all.length / (1 + often.filter(count => count > 0).length))
      often.forEach((count, k) => {
        if (!count) return
        scored[k].held++
        scored[k].score += rare * count * 2.2 / (count + 1.2 * (.4 + .6 * all[k].length / mean))
      })
    }
    for (const result of scored) {
      const { one, forms } = result
      result.score *= (result.held / wanted.length) ** 3
      // the word itself, which the glossary sends to where it is explained
      const whole = forms.some(form => form.every(word => wanted.some(want => like(word, want)))
        && wanted.every(want => form.some(word => like(word, want))))
      if (whole) result.score += 100
      if (/\b(Sources|References)$/.test(`${one.in} › ${one.head}`) || / › References\b/.test(one.in)) result.score *= .3
    }
    const seen = new Set()
    return scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score)
      .filter(({ one }) => !seen.has(one.at) && seen.add(one.at)).slice(0, MOST)
  }

  // the stretch of the text that holds most of the words, with them marked
  const snippet = (text, wanted) => {
    const hits = [...text.matchAll(WORD)].filter(([word]) => wanted.some(want => like(read(word), want)))
    const inside = hit => hits.filter(other => Math.abs(other.index - hit.index) < AROUND)
    const kinds = hit => new Set(inside(hit).map(([word]) => read(word))).size
    const best = hits.reduce((most, hit) => !most || kinds(hit) > kinds(most) ? hit : most, null)
    let from = Math.max(0, (best?.index ?? 0) - AROUND), to = Math.min(text.length, from + 3 * AROUND)
    if (from > 0) from = text.indexOf(" ", from) + 1
    if (to < text.length) to = text.lastIndexOf(" ", to)
    const line = document.createElement("p")
    line.append(from > 0 ? "… " : "")
    let at = from
    for (const { 0: word, index } of hits.filter(hit => hit.index >= from && hit.index + hit[0].length <= to)) {
      const mark = document.createElement("mark")
      mark.textContent = word
      line.append(text.slice(at, index), mark)
      at = index + word.length
    }
    line.append(text.slice(at, to), to < text.length ? " …" : "")
    return line
  }

  const make = (name, ...inside) => {
    const made = document.createElement(name)
    made.append(...inside)
    return made
  }

  const show = query => {
    const results = find(known(), query), wanted = asked(query)
    const list = make("ol", ...results.map(({ one }) => {
      const link = make("a", one.head)
      link.href = one.at
      const above = make("p", one.in)
      above.className = "found-in"
      return make("li", link, ...one.in ? [above] : [], snippet(one.term ? `${one.term}: ${one.text}` : one.text, wanted))
    }))
    const all = results.filter(({ held }) => held === wanted.length).length
    const said = make("p", !results.length ? `Nothing in the book holds “${query}”.`
      : !all ? "No section holds all these words; these hold some." : results.length === MOST ? `The best ${MOST} sections:` : `${results.length} section${results.length > 1 ? "s" : ""}:`)
    said.setAttribute("role", "status")
    document.getElementById("search-results").replaceChildren(said, list)
  }

  const query = new URLSearchParams(location.search).get("q")?.trim()
  if (query) {
    for (const field of document.querySelectorAll("input[name='q']")) field.value = query
    show(query)
  }
}
