// One page of the questionnaire on the respondent's screen.
//
// All texts that come from an instrument, a study or a respondent are set with textContent, never as markup.
// What is ticked is kept on the phone until the server has said "saved"; a page is first posted to the server
// (again and again, if need be) and only then is the next page asked for.

const RETRY_SECONDS = [1, 2, 4, 8, 15]
const REPLY_SECONDS = 10
const POST_SECONDS = 12

// Streamlit's own page around the component: no header, no dialogs in a programmer's words, nothing greyed out.
const PAGE_STYLE = `
[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stDialog"], [data-testid="stStatusWidget"] { display: none !important; }
[data-testid="stMainBlockContainer"] { max-width: 672px; padding: 0.75rem 16px 3rem; }
[data-stale="true"] { opacity: 1 !important; }
`

const VIEW = Symbol.for("parasol.view")
const memory = new Map() // drafts, where the browser refuses to keep them

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
  }

  leave() {
    delete this.root[VIEW]
    this.page.remove()
    this.looks.remove()
    this.pending = null
    this.timers.forEach(clearTimeout)
    window.removeEventListener("online", this.online)
    this.box.remove()
  }

  show({ data, setTriggerValue }) {
    this.trigger = value => setTriggerValue("sent", value)
    const { reply, ...page } = data
    const look = JSON.stringify(page)
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
    }
    this.build()
    if (moved && !anew) this.startAtTop()
    this.complainOfMissing(reply.missing)
    if (moved && anew && this.draft.sent) this.send("next") // it was under way
  }

  // -- building ---------------------------------------------------------------------------------------------

  build() {
    const { data } = this
    document.documentElement.lang = data.language
    this.box.lang = data.language
    this.errors = make("div", { class: "summary", role: "alert", tabindex: "-1", hidden: "" })
    this.away = make("div", { class: "away", role: "alert" })
    this.status = make("p", { class: "status", role: "status" })
    this.fields = new Map()
    this.heading = make("h1", { tabindex: "-1" }, data.title)
    const form = make("form", { novalidate: "", autocomplete: "off" },
      this.top(),
      this.errors,
      this.heading,
      ...data.paragraphs.map(paragraph),
      ...data.blocks.map(block => this.block(block)),
      data.code && this.code(),
      ...data.closing.map(paragraph),
      this.away,
      this.buttons(),
      this.status,
    )
    form.addEventListener("submit", event => {
      event.preventDefault()
      this.send(data.buttons[0]?.event, data.buttons[0]?.value)
    })
    this.box.replaceChildren(form)
    this.settle()
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
        ...languages.map(({ language, label }) => this.button({ event: "language", value: language, label, kind: "quiet", language })),
      ),
      bar)
  }

  buttons() {
    const shown = this.data.buttons.map((button, place) => this.button(button, place === 0))
    const row = make("div", { class: `actions ${this.data.stacked ? "stacked" : ""}` }, ...shown)
    if (this.data.back) row.prepend(this.button({ event: "back", label: this.data.back, kind: "plain" }))
    return row
  }

  button({ event, value, label, kind, language }, submits = false) {
    const button = make("button", { type: submits ? "submit" : "button", class: kind, lang: language }, label)
    if (!submits) button.addEventListener("click", () => this.send(event, value))
    return button
  }

  code() {
    const { code, words } = this.data
    this.forgetDrafts()
    const copy = make("button", { type: "button", class: "plain" }, words.copy)
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.value)
      copy.textContent = words.copied
    })
    return make("div", { class: "code" },
      make("h2", {}, code.label),
      make("output", {}, code.value),
      navigator.clipboard && copy,
      make("p", {}, code.text))
  }

  block(block) {
    if (block.kind !== "matrix") return this.field(block, block.items[0])
    const { labels } = block
    const few = labels.length <= 11
    const ends = [labels[0], labels.at(-1)]
    const matrix = make("div", { class: few ? `matrix ${labels.length > 7 ? "many" : ""}` : "list" })
    matrix.style.setProperty("--n", labels.length)
    if (few) matrix.append(make("div", { class: "head", "aria-hidden": "true" }, make("span"), make("div", {}, ...ends.map(end => make("span", {}, end)))))
    matrix.append(...block.items.map(item => this.field(block, item)))
    return matrix
  }

  field(block, item) {
    const { words } = this.data
    const id = `item-${item.id}`
    const group = block.kind === "matrix" || block.kind === "single"
    const error = make("p", { class: "error", id: `${id}-error`, hidden: "" })
    const hint = item.hint && make("p", { class: "hint", id: `${id}-hint` }, item.hint)
    const optional = !item.required && words.optional && make("span", { class: "optional" }, ` (${words.optional})`)
    const described = [hint && hint.id, error.id].filter(Boolean).join(" ")
    const holder = group
      ? make("fieldset", { class: `item ${block.kind}`, id, "aria-describedby": described },
          make("legend", {}, item.text, optional), hint, error, this.options(block, item))
      : make("div", { class: `item ${block.kind}`, id },
          make("label", { for: `${id}-input` }, item.text, optional), hint, error, this.input(block, item, described))
    this.fields.set(item.id, { item, block, holder, error })
    return holder
  }

  options(block, item) {
    const chosen = make("span", { class: "chosen" })
    const clear = item.required ? null : make("button", { type: "button", class: "quiet clear" }, this.data.words.clear)
    const inputs = block.values.map(value => make("input", { type: "radio", name: item.id, value }))
    const mark = () => {
      const place = block.values.indexOf(this.values[item.id] ?? null)
      inputs.forEach((input, at) => { input.checked = at === place })
      chosen.textContent = block.labels[place] ?? ""
      if (clear) clear.hidden = place < 0
    }
    inputs.forEach((input, at) => input.addEventListener("change", () => {
      this.answer(item.id, block.values[at])
      mark()
    }))
    clear?.addEventListener("click", () => {
      this.answer(item.id, null)
      mark()
      inputs[0].focus()
    })
    const labels = inputs.map((input, at) => make("label", { class: "option" }, input,
      make("span", { class: "mark", "aria-hidden": "true" }, block.kind === "matrix" ? String(block.values[at]) : ""),
      make("span", { class: "name" }, block.labels[at])))
    const low = make("span", {}, block.labels[0])
    const high = make("span", {}, block.labels.at(-1))
    mark()
    const parts = [make("div", { class: "options" }, ...labels)]
    if (block.kind === "matrix") parts.push(make("div", { class: "ends", "aria-hidden": "true" }, low, chosen, high))
    if (clear) parts.push(clear)
    return make("div", { class: "scale" }, ...parts)
  }

  input(block, item, described) {
    const settings = { id: `item-${item.id}-input`, name: item.id, "aria-describedby": described, maxlength: item.longest }
    const input = block.kind === "text"
      ? make("textarea", { ...settings, rows: 3 })
      : make("input", { ...settings, type: "text", inputmode: block.kind === "number" ? "decimal" : null,
          autocapitalize: block.kind === "line" ? "words" : null, spellcheck: "false" })
    input.value = this.values[item.id] ?? ""
    input.addEventListener("input", () => this.answer(item.id, input.value.trim() === "" ? null : input.value))
    return input
  }

  startAtTop() {
    this.heading.focus({ preventScroll: true })
    for (let node = this.box.getRootNode().host ?? this.box; node; node = node.parentElement) node.scrollTop = 0
  }

  // -- answers ----------------------------------------------------------------------------------------------

  answer(id, value) {
    this.values[id] = value
    this.flag(id, "")
    this.draft = { values: { ...this.draft.values, [id]: value } }
    this.writeDraft()
    if (this.data.post && !this.pending) this.status.textContent = this.data.words.draft
  }

  problems() {
    const found = {}
    for (const [id, { item, block }] of this.fields) {
      const value = this.values[id] ?? null
      if (value === null) {
        if (item.required) found[id] = item.missing
      } else if (block.kind === "number") {
        const number = asNumber(value)
        if (Number.isNaN(number)) found[id] = item.unreadable
        else if (number < (item.minimum ?? -Infinity) || number > (item.maximum ?? Infinity)) found[id] = item.outside
      }
    }
    return found
  }

  answers() {
    const answers = {}
    for (const [id, { block }] of this.fields) {
      const value = this.values[id] ?? null
      answers[id] = value !== null && block.kind === "number" ? asNumber(value) : value
    }
    return answers
  }

  flag(id, message) {
    const { holder, error, block } = this.fields.get(id)
    error.textContent = message
    error.hidden = !message
    holder.classList.toggle("wrong", Boolean(message))
    if (block.kind !== "matrix" && block.kind !== "single") {
      holder.querySelector("input,textarea").setAttribute("aria-invalid", String(Boolean(message)))
    }
  }

  complain(problems) {
    const ids = Object.keys(problems)
    const { summary } = this.data.words
    for (const id of this.fields.keys()) this.flag(id, problems[id] ?? "")
    const links = ids.map(id => {
      const link = make("a", { href: `#item-${id}` }, this.fields.get(id).item.text)
      link.addEventListener("click", event => {
        event.preventDefault()
        const { holder } = this.fields.get(id)
        holder.scrollIntoView({ block: "center" })
        holder.querySelector("input,textarea").focus({ preventScroll: true })
      })
      const { item } = this.fields.get(id)
      return make("li", {}, link, problems[id] === item.missing ? null : `: ${problems[id]}`)
    })
    const title = (ids.length === 1 ? summary.one : summary.other).replace("{n}", ids.length)
    this.errors.replaceChildren(make("h2", {}, title), make("ul", {}, ...links))
    this.errors.hidden = false
    this.errors.scrollIntoView({ block: "start" })
    this.errors.focus({ preventScroll: true })
  }

  // -- sending ----------------------------------------------------------------------------------------------

  send(event, value = null) {
    if (!event || this.pending) return // a second press of the button changes nothing
    const problems = event === "next" ? this.problems() : {}
    this.errors.hidden = true
    if (Object.keys(problems).length) {
      this.complain(problems)
      return
    }
    if (event === "open") {
      location.assign(value)
      return
    }
    const { screen, language, post } = this.data
    const answers = event === "next" ? this.answers() : {}
    const nonce = crypto.getRandomValues(new Uint32Array(2)).join("-")
    this.pending = { event, value, screen, language, answers, nonce, attempt: 0, saved: false }
    this.busy(true)
    this.deliver(this.pending, event === "next" && post ? this.letter(post, answers) : null)
  }

  letter(post, answers) {
    this.draft = { ...this.draft, sent: true }
    this.writeDraft()
    this.status.textContent = this.data.words.sending
    const paradata = { milliseconds: Math.round(performance.now() - this.shown) }
    const { key, page, influencer } = post
    return JSON.stringify({ key, page, influencer, answers, order: this.data.order, paradata })
  }

  // Posts the page until it is saved, then asks for the next one until the answer is there.
  async deliver(pending, letter) {
    for (; this.pending === pending; pending.attempt += 1) {
      if (letter && !pending.saved) {
        const status = await posted(this.data.post.address, letter)
        if (this.pending !== pending) return
        if (status === 422 || status === 413) {
          this.settle()
          this.complain(Object.fromEntries(Object.keys(pending.answers).map(id => [id, this.data.words.refused])))
          return
        }
        if (status === 200) {
          pending.saved = true
          this.forgetDraft()
          this.away.replaceChildren()
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
        this.complainOfMissing(reply.missing)
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

  pause(attempt) {
    const seconds = RETRY_SECONDS[Math.min(attempt, RETRY_SECONDS.length - 1)] * (0.75 + Math.random() / 2)
    return new Promise(resolve => {
      this.retryNow = resolve
      this.after(seconds, resolve)
    })
  }

  complainOfMissing(ids) {
    if (ids.length) this.complain(Object.fromEntries(ids.map(id => [id, this.fields.get(id).item.missing])))
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
    return `parasol:${this.data.owner}:${screen}`
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
    const mine = this.draftName("")
    names().filter(name => name.startsWith(mine)).forEach(drop)
  }
}

async function posted(address, body) {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), 1000 * POST_SECONDS)
  try {
    const headers = { "content-type": "application/json" }
    const response = await fetch(address, { method: "POST", headers, body, signal: abort.signal, credentials: "omit" })
    return response.status
  } catch {
    return 0
  } finally {
    clearTimeout(timer)
  }
}

function asNumber(text) {
  const plain = String(text).trim().replace(",", ".")
  return /^[-+]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : NaN
}

function paragraph(text) {
  const lines = text.split("\n")
  if (lines.every(line => line.startsWith("- "))) return make("ul", {}, ...lines.map(line => make("li", {}, line.slice(2))))
  return make("p", { class: "text" }, text)
}

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false))
  return element
}

function kept(name) {
  try {
    return localStorage.getItem(name) ?? memory.get(name) ?? null
  } catch {
    return memory.get(name) ?? null
  }
}

function keep(name, text) {
  try {
    localStorage.setItem(name, text)
  } catch {
    memory.set(name, text)
  }
}

function drop(name) {
  memory.delete(name)
  try {
    localStorage.removeItem(name)
  } catch {
    // nothing was kept there
  }
}

function names() {
  try {
    return [...memory.keys(), ...Object.keys(localStorage)]
  } catch {
    return [...memory.keys()]
  }
}
