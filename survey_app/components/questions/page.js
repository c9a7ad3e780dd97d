// One page of the questionnaire on the respondent's screen.
//
// What is answered is kept on the phone until the server has said "saved": a page is posted to the server, again and
// again if need be. With "saved" comes the next page; where it does not, it is asked for by Streamlit's websocket.

import { holds } from "./conditions.js"
import { drawn, drop, filled, keep, kept, keptNames, make } from "./dom.js"
import { fieldFor } from "./fields.js"

const RETRY_SECONDS = [1, 2, 4, 8, 15]
const REPLY_SECONDS = 10
const POST_SECONDS = 12

// Pressing these buttons sends what stands on the screen, so it has to be complete.
const SENDING = new Set(["next", "agree", "code", "anyway", "raffle", "token"])

// Streamlit's own page around the component: no header, no dialogs in a programmer's words, nothing greyed out.
const PAGE_STYLE = `
[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stDialog"], [data-testid="stStatusWidget"] { display: none !important; }
[data-testid="stMainBlockContainer"] { max-width: 672px; padding: 0.75rem 16px 3rem; }
[data-stale="true"] { opacity: 1 !important; }
`

const VIEW = Symbol.for("parasol.view")

// The last screen that came by the websocket, and the one the phone turned to since. Streamlit may hand over the
// former again at any moment (when the colours change, or the connection comes back): nobody goes back by that.
const turned = { from: "", to: null }

const lookOf = ({ reply, ...page }) => JSON.stringify(page)

export default function (component) {
  const root = component.parentElement
  if (!component.data) return undefined
  if (!(root[VIEW] instanceof View)) {
    root[VIEW]?.leave() // an older version of this script, from before the server was renewed
    root[VIEW] = new View(root)
  }
  const view = root[VIEW]
  view.show(component)
  return () => view.leave()
}

class View {
  constructor(root) {
    // Unstyled, the page would jump under a thumb: it is shown when its looks are there (or cannot be had).
    this.root = root
    this.looks = make("link", { rel: "stylesheet", href: new URL("questions.css", import.meta.url) })
    this.box = make("div", { class: "ask", hidden: "" })
    this.looks.onload = this.looks.onerror = () => { this.box.hidden = false }
    root.append(this.looks, this.box)
    this.page = make("style", {}, PAGE_STYLE)
    document.head.append(this.page)
    this.timers = new Set()
    this.online = () => this.retryNow?.()
    window.addEventListener("online", this.online)
    this.seen = new IntersectionObserver(entries => entries.forEach(entry => {
      if (entry.isIntersecting) this.time(entry.target.id.replace("item-", ""), 0)
    }))
  }

  leave() {
    delete this.root[VIEW]
    this.page.remove()
    this.looks.remove()
    this.pending = null
    this.timers.forEach(clearTimeout)
    this.seen.disconnect()
    window.removeEventListener("online", this.online)
    this.box.remove()
  }

  show({ data, setTriggerValue }) {
    this.trigger = value => setTriggerValue("sent", value)
    if (data.reply.failed && this.pending) { // nothing came of it: what stands here stays, and it is sent again
      this.heard?.(data.reply)
      return
    }
    const look = lookOf(data)
    if (look !== turned.from) Object.assign(turned, { from: look, to: null })
    this.turn(turned.to ?? data, data.reply)
  }

  turn(data, reply) {
    const look = lookOf(data)
    if (look === this.look) {
      this.heard?.(reply)
      return
    }
    const moved = this.data?.screen !== data.screen
    const anew = !this.data || this.data.retry > 0 // loaded, or back after a time without the server
    this.look = look
    this.data = data
    if (moved) {
      this.draft = this.readDraft()
      this.values = { ...data.answers, ...this.draft.values }
      this.shown = performance.now()
      this.times = new Map()
    }
    this.build()
    if (moved && !anew) this.startAtTop()
    this.answered(reply)
    if (moved && anew && this.draft.sent) this.send("next") // it was under way
  }

  // -- building ---------------------------------------------------------------------------------------------

  build() {
    const { data } = this
    document.documentElement.lang = this.box.lang = data.language
    document.documentElement.dir = this.box.dir = data.direction
    this.errors = make("div", { class: "summary", role: "alert", tabindex: "-1", hidden: "" })
    this.away = make("div", { class: "away", role: "alert" })
    this.status = make("p", { class: "status", role: "status" })
    this.fields = new Map()
    this.places = []
    this.heading = make("h1", { tabindex: "-1" }, this.said(data.title))
    this.seen.disconnect()
    const form = make("form", { novalidate: "", autocomplete: "off" },
      this.top(),
      this.errors,
      data.about && make("p", { class: "about" }, data.about),
      this.heading,
      data.paragraphs.map(text => this.paragraph(text)),
      data.blocks.map(block => this.block(block)),
      this.away,
      this.buttons(),
      this.status,
      this.elsewhere())
    form.addEventListener("submit", event => {
      event.preventDefault()
      const [first] = data.buttons
      this.send(first?.event, first?.value)
    })
    this.box.replaceChildren(form)
    if (data.finished) this.forgetDrafts()
    this.fields.forEach(({ holder }) => this.seen.observe(holder))
    this.settle()
    this.refresh()
    this.status.textContent = data.saved ? data.words.saved : ""
  }

  top() {
    const { progress, languages } = this.data
    if (!progress && !languages.length) return null
    const bar = progress?.share > 0 && make("div", {
      class: "bar", role: "progressbar", "aria-label": progress.text,
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * progress.share),
    }, make("div", { style: `width:${100 * progress.share}%` }))
    return make("div", { class: "top" },
      make("div", { class: "line" },
        make("p", { class: "progress" }, progress?.text ?? ""),
        languages.map(({ language, label }) => this.button({ event: "language", value: language, label, kind: "quiet", language }))),
      bar)
  }

  buttons() {
    const shown = this.data.buttons.map((button, place) => this.button(button, place === 0))
    const row = make("div", { class: `actions ${this.data.stacked ? "stacked" : ""}` }, shown)
    if (this.data.back) row.prepend(this.button({ event: "back", label: this.data.back, kind: "plain" }))
    return row
  }

  button({ event, value, label, kind, language }, submits = false) {
    const button = make("button", { type: submits ? "submit" : "button", class: kind, lang: language }, label)
    if (!submits) button.addEventListener("click", () => this.send(event, value))
    return button
  }

  paragraph(text) {
    const lines = typeof text === "string" ? text.split("\n") : []
    const list = lines.length && lines.every(line => line.startsWith("- "))
    return list ? make("ul", {}, lines.map(line => make("li", {}, line.slice(2)))) : make("p", { class: "text" }, this.said(text))
  }

  block(block) {
    const shown = {
      code: () => this.code(block),
      link: () => make("p", { class: "text" }, make("a", { href: block.address, target: "_blank", rel: "noopener" }, block.text)),
      words: () => this.paragraph(block.text),
      heading: () => make("h2", {}, block.text),
      notice: () => make("p", { class: "notice", role: "status" }, block.text),
      moment: () => make("p", { class: "text" }, filled(block.text, { moment: this.moment(block.moment) })),
      matrix: () => this.matrix(block),
      semantic: () => this.semantic(block),
    }
    return shown[block.kind]?.() ?? this.field(block, block.items[0])
  }

  matrix(block) {
    const { labels } = block
    const few = labels.length <= 11
    const ends = [labels[0], labels.at(-1)]
    const matrix = make("div", { class: `block ${few ? "matrix" : "list"} ${few && labels.length > 7 ? "many" : ""}` })
    matrix.style.setProperty("--n", labels.length)
    if (few) matrix.append(make("div", { class: "head", "aria-hidden": "true" }, make("span"), make("div", {}, ends.map(end => make("span", {}, end)))))
    matrix.append(...block.items.map(item => this.field(block, item)))
    return matrix
  }

  // Where every item begins with the same words, they are read once.
  semantic(block) {
    const box = make("div", { class: "block differential" })
    box.style.setProperty("--n", block.values.length)
    let before
    for (const item of block.items) {
      const text = JSON.stringify(item.text)
      const holder = this.field(block, item)
      holder.classList.toggle("repeats", text === before)
      before = text
      box.append(holder)
    }
    return box
  }

  field(block, item) {
    const field = fieldFor(this, block, item)
    this.fields.set(item.id, field)
    return field.holder
  }

  code({ value, label, text }) {
    const { words } = this.data
    const copy = make("button", { type: "button", class: "plain" }, words.copy)
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(value)
      copy.textContent = words.copied
    })
    return make("div", { class: "code" },
      make("h2", {}, label), make("output", {}, value), navigator.clipboard && copy, make("p", {}, text))
  }

  moment(text) {
    const moment = new Date(text)
    try {
      return moment.toLocaleString(this.data.language, { dateStyle: "full", timeStyle: "short" })
    } catch {
      return moment.toLocaleString()
    }
  }

  startAtTop() {
    this.heading.focus({ preventScroll: true })
    for (let node = this.box.getRootNode().host ?? this.box; node; node = node.parentElement) node.scrollTop = 0
  }

  // -- going on elsewhere -------------------------------------------------------------------------------------

  elsewhere() {
    const { handover } = this.data
    if (!handover) return null
    this.opener = make("button", { type: "button", class: "quiet" }, handover)
    this.opener.addEventListener("click", () => this.send("handover", this.ownLink()))
    this.panel = make("div", { class: "handover", hidden: "", tabindex: "-1" })
    return make("div", { class: "elsewhere" }, this.opener, this.panel)
  }

  ownLink() {
    const here = new URL(location.href)
    const link = new URL("/", here)
    for (const name of ["s", "t"]) link.searchParams.set(name, here.searchParams.get(name) ?? "")
    return link.href
  }

  showElsewhere({ size, path, link }, words) {
    const field = make("input", { type: "text", readonly: "", "aria-label": words.link })
    field.value = link
    const copy = make("button", { type: "button", class: "plain" }, words.copy)
    copy.addEventListener("click", async () => {
      field.select()
      await navigator.clipboard.writeText(link)
      copy.textContent = words.copied
    })
    const close = make("button", { type: "button", class: "plain" }, words.close)
    close.addEventListener("click", () => {
      this.panel.hidden = true
      this.opener.focus()
    })
    this.panel.replaceChildren(
      make("h2", {}, words.title), make("p", {}, words.text), drawn(size, path, words.qr), field,
      make("p", { class: "warning" }, words.warning), make("div", { class: "actions" }, navigator.clipboard && copy, close))
    this.panel.hidden = false
    this.panel.focus({ preventScroll: true })
    this.panel.scrollIntoView({ block: "nearest" })
  }

  // -- answers ----------------------------------------------------------------------------------------------

  // A text with the places where answers of this screen stand in it.
  said(text) {
    if (!Array.isArray(text)) return [text]
    return text.map(part => {
      if (typeof part === "string") return part
      const place = make("span", { class: "piped" })
      this.places.push([place, part.item])
      return place
    })
  }

  answer(name, value, id = name) {
    this.values[name] = value
    this.flag(id, "")
    this.draft = { values: { ...this.draft.values, [name]: value } }
    this.writeDraft()
    this.time(id, 1)
    if (this.pending) this.pending.changed = true
    if (this.data.post && !this.pending) this.status.textContent = this.data.words.draft
    this.refresh()
  }

  // What is shown depends on what is answered; the server decides in the same way what it keeps.
  refresh() {
    const known = { ...this.data.known }
    for (const [id, field] of this.fields) {
      const shown = !field.item.when || holds(field.item.when, known)
      field.holder.hidden = !shown
      const answer = shown ? field.answer() : null
      known[id] = Number.isNaN(answer) ? null : answer
    }
    for (const [place, id] of this.places) {
      const field = this.fields.get(id)
      place.textContent = field && !field.holder.hidden ? field.inWords() : "…"
    }
    this.box.querySelectorAll(".block").forEach(block => {
      block.hidden = ![...block.querySelectorAll(".item")].some(item => !item.hidden)
    })
  }

  asked() {
    return [...this.fields.values()].filter(field => field.asks && !field.holder.hidden)
  }

  problems() {
    const found = this.asked().map(field => [field.item.id, field.problem()])
    return Object.fromEntries(found.filter(([, problem]) => problem))
  }

  answers() {
    return Object.assign({}, ...this.asked().map(field => ({ [field.item.id]: field.answer(), ...field.extra() })))
  }

  flag(id, message) {
    const { holder, error, invalid } = this.fields.get(id)
    error.textContent = message
    error.hidden = !message
    holder.classList.toggle("wrong", Boolean(message))
    if (invalid) this.fields.get(id).invalid(Boolean(message))
    // What was put right is struck out above, where it stays: nothing moves under a thumb.
    this.errors.querySelector(`li[data-item="${id}"]`)?.classList.toggle("done", !message)
  }

  complainOf(problems) {
    const told = Object.keys(problems)
    if (!told.length) return
    const fields = this.asked().filter(field => told.includes(field.item.id))
    const concerned = fields.length ? fields : this.asked() // of what stands on another screen by now
    if (!concerned.length) return
    const { summary } = this.data.words
    this.fields.forEach((_, id) => this.flag(id, ""))
    const links = concerned.map(field => {
      const { id } = field.item
      const message = field.message(problems[id])
      this.flag(id, message)
      const link = make("a", { href: `#${field.id}` }, field.name)
      link.addEventListener("click", event => {
        event.preventDefault()
        field.holder.scrollIntoView({ block: "center" })
        field.focus()
      })
      return make("li", { "data-item": id }, link, problems[id] !== "missing" && make("span", {}, message))
    })
    const title = filled(links.length === 1 ? summary.one : summary.other, { n: links.length })
    this.errors.replaceChildren(make("h2", {}, title), make("ul", {}, links))
    this.errors.hidden = false
    this.errors.scrollIntoView({ block: "start" })
    this.errors.focus({ preventScroll: true })
  }

  // -- how it was answered: milliseconds since the page was shown ---------------------------------------------

  now() {
    return Math.max(0, Math.round(performance.now() - this.shown))
  }

  // 0: first seen, 1: answered (first and last time).
  time(id, what) {
    const now = this.now()
    const [seen, first] = this.times.get(id) ?? [null, null]
    if (what === 0 && seen !== null) return
    const times = this.times.get(id) ?? [null, null, null]
    this.times.set(id, what === 0 ? [now, times[1], times[2]] : [seen ?? now, first ?? now, now])
  }

  device() {
    if (!matchMedia("(pointer: coarse)").matches) return "desk"
    return Math.min(screen.width, screen.height) < 600 ? "phone" : "tablet"
  }

  // -- sending ----------------------------------------------------------------------------------------------

  send(event, value = null) {
    if (!event || this.pending) return // a second press of the button changes nothing
    const sends = SENDING.has(event)
    const problems = sends ? this.problems() : {}
    this.errors.hidden = true
    if (Object.keys(problems).length) {
      this.complainOf(problems)
      return
    }
    const answers = sends ? this.answers() : {}
    if (event === "open" || event === "token") {
      location.assign(event === "open" ? value : value + encodeURIComponent(answers.token))
      return
    }
    const { screen, language, post } = this.data
    const nonce = crypto.getRandomValues(new Uint32Array(2)).join("-")
    const letter = event === "next" && post
    const sequence = letter ? this.nextSave(post) : null
    this.pending = { event, value, screen, language, answers, nonce, sequence, attempt: 0, saved: false }
    this.busy(true)
    this.deliver(this.pending, letter ? this.letter(post, answers, sequence) : null)
  }

  // Each send of a page has a higher number than all before it, so that an old one that comes late changes nothing.
  nextSave({ saves }) {
    const name = `parasol:${this.data.owner}:saves`
    const number = 1 + Math.max(saves, Number(kept(name)) || 0)
    keep(name, String(number))
    return number
  }

  letter(post, answers, sequence) {
    this.draft = { ...this.draft, sent: true }
    this.writeDraft()
    this.status.textContent = this.data.words.sending
    const paradata = { ms: this.now(), items: Object.fromEntries(this.times), device: this.device() }
    const { key, page, influencer, returned } = post
    return JSON.stringify({ key, page, influencer, answers, sequence, order: this.data.order, paradata, returned })
  }

  // Posts the page until it is saved; if the next one does not come with that, asks for it until it is there.
  async deliver(pending, letter) {
    for (; this.pending === pending; pending.attempt += 1) {
      if (letter && !pending.saved) {
        const { status, items, next } = await posted(this.data.post.address, letter)
        if (this.pending !== pending) return
        if (status === 422 || status === 413) {
          this.settle()
          this.complainOf(Object.keys(items).length ? items : { "": "refused" })
          return
        }
        if (status === 200) {
          pending.saved = true
          if (pending.changed) { // answered differently while it was under way: that is sent too
            this.settle()
            this.send("next")
            return
          }
          this.forgetDraft()
          this.away.replaceChildren()
          if (next?.script === this.data.script) { // else the server was renewed, and this script with it
            this.settle()
            turned.to = next
            try {
              this.turn(next, next.reply)
            } catch (error) { // half of one page and half of the next must not be answered
              console.error(error)
              location.reload()
            }
            return
          }
        } else if (status === 429 || status === 503 || (status !== 409 && pending.attempt === 0)) {
          this.sayAway()
          await this.pause(pending.attempt)
          continue
        } // anything else: this way to the server may be blocked, so the page goes along with the question below
      }
      const reply = await this.ask(pending)
      if (this.pending !== pending) return
      if (reply && !reply.failed) {
        this.settle()
        this.answered(reply)
        return
      }
      if (reply || pending.attempt > 0) this.sayAway()
      if (reply) await this.pause(pending.attempt)
    }
  }

  // Resolves with the reply, or with null when none came in time: the connection may be away just now.
  ask(pending) {
    this.trigger({ ...pending })
    return new Promise(resolve => {
      this.heard = reply => reply.nonce === pending.nonce && reply.attempt === pending.attempt && resolve(reply)
      this.after(REPLY_SECONDS, () => resolve(null))
    })
  }

  answered({ problems, drawing, words }) {
    this.complainOf(problems)
    if (drawing && this.panel) this.showElsewhere(drawing, words)
  }

  pause(attempt) {
    const seconds = RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)] * (0.75 + Math.random() / 2)
    return new Promise(resolve => {
      this.retryNow = resolve
      this.after(seconds, resolve)
    })
  }

  sayAway() {
    const { away } = this.data.words
    if (this.data.retry || this.away.childElementCount) return
    this.away.append(make("h2", {}, away.title), make("p", {}, away.text))
    this.status.textContent = ""
    this.away.scrollIntoView({ block: "nearest" })
  }

  settle() {
    this.timers.forEach(clearTimeout)
    this.timers.clear()
    this.pending = null
    if (!this.data) return
    this.away.replaceChildren()
    this.status.textContent = ""
    this.busy(false)
    if (this.data.retry) this.after(this.data.retry, () => this.send("retry"))
  }

  busy(busy) {
    this.box.firstChild.classList.toggle("sending", busy)
    this.box.querySelectorAll("button").forEach(button => button.setAttribute("aria-disabled", String(busy)))
  }

  after(seconds, act) {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      act()
    }, 1000 * seconds)
    this.timers.add(timer)
  }

  // -- the draft on the phone -------------------------------------------------------------------------------

  draftName(screen = this.data.screen) {
    const { owner, post } = this.data
    return screen.includes("@") ? `parasol:${owner}:${post.influencer}:${screen}` : `parasol:${owner}:${screen}`
  }

  readDraft() {
    if (!this.data.owner) return { values: {} }
    try {
      return JSON.parse(kept(this.draftName())) ?? { values: {} }
    } catch {
      return { values: {} }
    }
  }

  writeDraft() {
    if (this.data.owner) keep(this.draftName(), JSON.stringify(this.draft))
  }

  forgetDraft() {
    this.draft = { values: {} }
    drop(this.draftName())
  }

  forgetDrafts() {
    const mine = `parasol:${this.data.owner}:`
    keptNames().filter(name => name.startsWith(mine)).forEach(drop)
  }
}

async function posted(address, body) {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), 1000 * POST_SECONDS)
  try {
    const headers = { "content-type": "application/json" }
    const response = await fetch(address, { method: "POST", headers, body, signal: abort.signal, credentials: "omit" })
    const { items, next } = [200, 422].includes(response.status) ? await response.json().catch(() => ({})) : {}
    return { status: response.status, items: items ?? {}, next }
  } catch {
    return { status: 0, items: {} }
  } finally {
    clearTimeout(timer)
  }
}
