// Keeps in this browser which page was read last, and where; the front page leads back there. Nothing is sent anywhere.
{
  const KEY = "cnn-course-place"
  const read = () => { try { return JSON.parse(localStorage.getItem(KEY)) } catch { return null } }
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href)
  const here = location.href.split(/[?#]/)[0].slice(root.href.length)

  const keep = () => {
    const headings = [...document.querySelectorAll("article section > :is(h1, h2, h3)")]
    const above = headings.filter(heading => heading.getBoundingClientRect().top < 160)
    const title = document.title.split(" — ")[0]
    const last = above.at(-1)
    if (!title || !last) return
    try {
      localStorage.setItem(KEY, JSON.stringify({ page: here, title, section: last.parentElement.id }))
    } catch { /* then the front page leads to the chapters */ }
  }

  addEventListener("DOMContentLoaded", () => {
    if (document.body.dataset.page !== "chapters/index") {
      // only pages that are read; not the search, nor those for teachers
      if (/^chapters\/(\d|beginning)/.test(here)) {
        document.addEventListener("visibilitychange", () => document.hidden && keep())
        addEventListener("pagehide", keep)
      }
      return
    }
    const place = read(), link = document.querySelector("live-course a[href='#the-chapters']")
    if (!place || !link || !/^chapters\/[\w-]+\.html$/.test(place.page)) return
    link.href = `${new URL(place.page, root)}#${encodeURIComponent(place.section)}`
    link.textContent = `Go on where you were: ${place.title}`
  })
}
