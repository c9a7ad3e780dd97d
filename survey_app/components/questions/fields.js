// The kinds of question, one class each. A field shows one item, knows its answer and what is wrong with it.
// The raw answers live in page.values (also those half typed), under the item's id; words behind "other" under id_other.

import { filled, make } from "./dom.js"

const NOTHING = "…"

export function fieldFor(page, block, item) {
  const kinds = {
    matrix: OneOf, semantic: Semantic, single: OneOf, multiple: Several, ranking: Ranking, number: Numeric,
    slider: Slider, text: Line, line: Line, long_text: Lines, date: Day, consent: Consent, info: Info,
  }
  const field = new kinds[block.kind](page, block, item)
  field.build()
  field.restore()
  return field
}

class Field {
  constructor(page, block, item) {
    this.page = page
    this.words = page.data.words
    this.block = block
    this.item = item
    this.id = `item-${item.id}`
    this.error = make("p", { class: "error", id: `${this.id}-error`, hidden: "" })
    this.hint = item.hint && make("p", { class: "hint", id: `${this.id}-hint` }, page.said(item.hint))
    this.described = [this.hint?.id, this.error.id].filter(Boolean).join(" ")
  }

  get raw() { return this.page.values[this.item.id] ?? null }

  get declined() { return Boolean(this.item.decline) && this.raw === this.words.declined }

  get asks() { return true }

  set(value) {
    this.page.answer(this.item.id, value)
    this.restore()
  }

  // What is sent: a declared value, a list, a number, a text, or null.
  answer() { return this.raw }

  extra() { return {} }

  problem() { return this.answer() === null && this.item.required ? "missing" : "" }

  message(key) { return this.item.messages[key] ?? this.words.refused }

  // What stands where a text holds this answer.
  inWords() {
    const answer = this.answer()
    return answer === null || this.declined || Number.isNaN(answer) ? NOTHING : String(answer)
  }

  restore() {}

  focus() { this.holder.querySelector("input:not([hidden]),textarea,button")?.focus({ preventScroll: true }) }

  // What the item is called in the summary of what is missing.
  get name() {
    const name = (this.holder.querySelector("legend") ?? this.holder.querySelector("label")).cloneNode(true)
    name.querySelectorAll(".optional").forEach(part => part.remove())
    return name.textContent
  }

  heading() {
    const optional = !this.item.required && this.words.optional
    return [this.page.said(this.item.text), optional && make("span", { class: "optional" }, ` (${optional})`)]
  }

  help() {
    if (!this.item.help) return null
    return make("details", { class: "help" },
      make("summary", {}, this.words.help), make("p", {}, this.page.said(this.item.help)))
  }

  group(...content) {
    this.holder = make("fieldset", { class: `item ${this.block.kind}`, id: this.id, "aria-describedby": this.described },
      make("legend", {}, this.heading()), this.hint, this.help(), this.error, content)
  }

  labelled(...content) {
    this.holder = make("div", { class: `item ${this.block.kind}`, id: this.id },
      make("label", { for: `${this.id}-input` }, this.heading()), this.hint, this.help(), this.error, content)
  }

  option(input, label, mark = "", look = "") {
    return make("label", { class: `option ${look}` }, input,
      make("span", { class: "mark", "aria-hidden": "true" }, mark), make("span", { class: "name" }, label))
  }

  // "I prefer not to say", for kinds that are not themselves a list of answers.
  refusal() {
    if (!this.item.decline) return null
    this.refused = make("input", { type: "checkbox", name: `${this.item.id}_decline` })
    this.refused.addEventListener("change", () => this.set(this.refused.checked ? this.words.declined : null))
    return this.option(this.refused, this.words.decline, "", "decline box")
  }

  clearing() {
    if (this.item.required) return null
    this.clear = make("button", { type: "button", class: "quiet clear" }, this.words.clear)
    this.clear.addEventListener("click", () => {
      this.set(null)
      this.focus()
    })
    return this.clear
  }

  ownWords() {
    this.own = make("input", { type: "text", class: "own", hidden: "", "aria-label": `${this.words.other}: ${this.words.other_words}`,
      name: `${this.item.id}_other`, maxlength: this.words.longest_other })
    this.own.addEventListener("input", () => this.page.answer(`${this.item.id}_other`, this.own.value, this.item.id))
    return this.own
  }

  extraWords(chosen) {
    const words = (this.page.values[`${this.item.id}_other`] ?? "").trim()
    return chosen && words ? { [`${this.item.id}_other`]: words } : {}
  }

  label(value) {
    if (value === this.words.other_value) return (this.page.values[`${this.item.id}_other`] ?? "").trim() || NOTHING
    return this.block.labels[this.block.values.indexOf(value)] ?? NOTHING
  }
}

// -- one of several answers -------------------------------------------------------------------------------------

class OneOf extends Field {
  build() {
    const { block, item, words } = this
    const listed = block.kind === "single"
    const declared = block.values.map((value, at) => ({ value, label: block.labels[at], mark: block.kind === "matrix" ? String(value) : "" }))
    if (listed && item.other) declared.push({ value: words.other_value, label: words.other, mark: "" })
    const apart = item.decline ? [{ value: words.declined, label: words.decline, mark: "" }] : []
    this.inputs = [...declared, ...apart].map(({ value }) => {
      const input = make("input", { type: "radio", name: item.id, value })
      input.addEventListener("change", () => this.set(value))
      return input
    })
    const shown = declared.map(({ label, mark }, at) => this.option(this.inputs[at], label, mark))
    const decline = apart.map(({ label }) => this.option(this.inputs.at(-1), label, "", "decline"))
    this.offered = [...declared, ...apart].map(({ value }) => value)
    if (listed) {
      this.group(make("div", { class: "scale" },
        make("div", { class: "options" }, shown, item.other && this.ownWords(), decline), this.clearing()))
    } else {
      this.group(this.row(shown), make("div", { class: "beside" }, decline, this.clearing()))
    }
  }

  row(shown) {
    const { labels } = this.block
    this.chosen = make("span", { class: "chosen" })
    return make("div", { class: "scale" },
      make("div", { class: "options" }, shown),
      make("div", { class: "ends", "aria-hidden": "true" },
        make("span", {}, labels[0]), this.chosen, make("span", {}, labels.at(-1))))
  }

  restore() {
    const place = this.offered.indexOf(this.raw)
    this.inputs.forEach((input, at) => { input.checked = at === place })
    if (this.chosen) this.chosen.textContent = this.block.labels[this.block.values.indexOf(this.raw)] ?? ""
    if (this.clear) this.clear.hidden = place < 0
    if (this.own) {
      this.own.hidden = this.raw !== this.words.other_value
      this.own.value = this.page.values[`${this.item.id}_other`] ?? ""
    }
  }

  answer() { return this.offered.includes(this.raw) ? this.raw : null }

  extra() { return this.item.other ? this.extraWords(this.raw === this.words.other_value) : {} }

  inWords() { return this.answer() === null || this.declined ? NOTHING : this.label(this.raw) }
}

class Semantic extends OneOf {
  row(shown) {
    const left = make("span", { class: "left" }, this.page.said(this.item.left))
    const right = make("span", { class: "right" }, this.page.said(this.item.right))
    return make("div", { class: "scale poles" }, left, make("div", { class: "options" }, shown), right)
  }

  heading() {
    // The two ends stand beside the row; who listens hears them with the question.
    const ends = make("span", { class: "unseen" }, " ", this.page.said(this.item.left), " – ", this.page.said(this.item.right))
    return [...super.heading(), ends]
  }
}

// -- several answers ---------------------------------------------------------------------------------------------

class Several extends Field {
  build() {
    const { block, item, words } = this
    this.offered = item.other ? [...block.values, words.other_value] : block.values
    this.inputs = this.offered.map(value => {
      const input = make("input", { type: "checkbox", name: item.id, value })
      input.addEventListener("change", () => this.tick(value, input.checked))
      return input
    })
    const shown = this.inputs.map((input, at) => this.option(input, block.labels[at] ?? words.other, "", "box"))
    this.group(make("div", { class: "scale" },
      make("div", { class: "options" }, shown, item.other && this.ownWords(), this.refusal())))
  }

  tick(value, checked) {
    const before = Array.isArray(this.raw) ? this.raw : []
    const now = this.offered.filter(one => one === value ? checked : before.includes(one))
    this.set(now.length ? now : null)
    if (now.length > this.item.most) this.page.flag(this.item.id, this.message("many"))
  }

  restore() {
    const list = Array.isArray(this.raw) ? this.raw : []
    this.inputs.forEach((input, at) => { input.checked = list.includes(this.offered[at]) })
    if (this.refused) this.refused.checked = this.declined
    if (this.own) {
      this.own.hidden = !list.includes(this.words.other_value)
      this.own.value = this.page.values[`${this.item.id}_other`] ?? ""
    }
  }

  problem() {
    const answer = this.answer()
    if (!Array.isArray(answer)) return super.problem()
    return answer.length < this.item.fewest ? "few" : answer.length > this.item.most ? "many" : ""
  }

  extra() { return this.item.other ? this.extraWords(Array.isArray(this.raw) && this.raw.includes(this.words.other_value)) : {} }

  inWords() {
    const answer = this.answer()
    return Array.isArray(answer) ? answer.map(value => this.label(value)).join(", ") : NOTHING
  }
}

// Tapped in order, moved with buttons: by thumb, mouse and keyboard alike.
class Ranking extends Several {
  build() {
    const { rank } = this.words
    this.offered = this.block.values
    this.list = make("ol", { class: "ranked", "aria-label": rank.order })
    this.left = make("div", { class: "unranked" })
    this.told = make("p", { class: "unseen", role: "status" })
    this.group(make("div", { class: "scale" }, this.list, make("p", { class: "todo" }, rank.todo), this.left, this.told, this.refusal()))
    this.todo = this.holder.querySelector(".todo")
  }

  get order() { return Array.isArray(this.raw) ? this.raw : [] }

  restore() {
    const { rank } = this.words
    const { order } = this
    this.list.hidden = !order.length
    this.list.replaceChildren(...order.map((value, place) => this.ranked(value, place)))
    const open = this.offered.filter(value => !order.includes(value))
    const full = order.length >= (this.item.most ?? this.offered.length)
    this.left.replaceChildren(...open.map(value => {
      const button = make("button", { type: "button", class: "pick", disabled: full ? "" : null }, this.label(value))
      button.setAttribute("aria-label", filled(rank.place, { label: this.label(value), place: order.length + 1 }))
      button.addEventListener("click", () => this.move([...order, value], value, ".remove"))
      return button
    }))
    this.todo.hidden = !open.length || full || this.declined
    if (this.refused) this.refused.checked = this.declined
  }

  ranked(value, place) {
    const { order } = this
    const { rank } = this.words
    const button = (look, sign, text, off, next) => {
      const made = make("button", { type: "button", class: `step ${look}`, disabled: off ? "" : null, "aria-label": filled(text, { label: this.label(value) }) }, sign)
      made.addEventListener("click", () => this.move(next(), value, `.${look}`))
      return made
    }
    const swapped = by => {
      const next = [...order]
      next.splice(place, 1)
      next.splice(place + by, 0, value)
      return next
    }
    return make("li", { "data-value": value },
      make("span", { class: "place" }, String(place + 1)), make("span", { class: "name" }, this.label(value)),
      make("span", { class: "moves" },
        button("up", "↑", rank.up, place === 0, () => swapped(-1)),
        button("down", "↓", rank.down, place === order.length - 1, () => swapped(1)),
        button("remove", "×", rank.remove, false, () => order.filter(one => one !== value))))
  }

  move(next, value, look) {
    const { rank } = this.words
    const place = next.indexOf(value)
    this.set(next.length ? next : null)
    const said = { label: this.label(value), place: place + 1, n: this.offered.length }
    this.told.textContent = filled(place < 0 ? rank.removed : rank.done, said)
    const row = this.list.querySelector(`li[data-value="${value}"]`)
    const own = row?.querySelector(`${look}:not([disabled])`) ?? row?.querySelector("button:not([disabled])")
    const next_ = look === ".remove" && this.left.querySelector("button:not([disabled])")
    const target = next_ || own || this.left.querySelector("button") || this.list.querySelector("button")
    target?.focus({ preventScroll: true })
  }

  focus() { (this.left.querySelector("button:not([disabled])") ?? this.list.querySelector("button"))?.focus({ preventScroll: true }) }
}

// -- typed answers -----------------------------------------------------------------------------------------------

class Typed extends Field {
  settings() { return { id: `${this.id}-input`, name: this.item.id, "aria-describedby": this.described, autocomplete: "off" } }

  build() {
    this.input = this.typing()
    this.input.addEventListener("input", () => this.typed())
    this.labelled(this.input, this.counter(), this.refusal())
  }

  typed() {
    this.page.answer(this.item.id, this.input.value.trim() === "" ? null : this.input.value)
    if (this.refused) this.refused.checked = false
    this.count()
  }

  counter() { return null }

  count() {}

  restore() {
    const shown = this.declined || this.raw === null ? "" : String(this.raw)
    if (this.input.value !== shown) this.input.value = shown
    if (this.refused) this.refused.checked = this.declined
    this.count()
  }

  answer() { return typeof this.raw === "string" ? this.raw.trim() || null : this.raw }

  focus() { this.input.focus({ preventScroll: true }) }

  invalid(is) { this.input.setAttribute("aria-invalid", String(is)) }
}

class Line extends Typed {
  typing() {
    const { item } = this
    return make("input", { ...this.settings(), type: item.email ? "email" : "text", maxlength: item.longest,
      inputmode: item.email ? "email" : null, autocapitalize: item.capitals ?? (item.email ? "none" : null),
      autocomplete: item.email ? "email" : "off", spellcheck: item.capitals ? "false" : null })
  }

  counter() {
    this.left = this.words.until && make("p", { class: "left-over", "aria-live": "polite", hidden: "" })
    return this.left
  }

  count() {
    if (!this.left) return
    const n = this.item.longest - this.input.value.length
    this.left.hidden = n > Math.min(200, this.item.longest / 10)
    this.left.textContent = this.left.hidden ? "" : filled(this.words.until, { n: Math.max(n, 0) })
  }

  answer() {
    const answer = super.answer()
    return typeof answer === "number" && !this.declined ? String(answer) : answer
  }

  // What fills in forms for people does not heed a field's limit, and what is far too long could not even be sent.
  problem() {
    const answer = this.answer()
    return typeof answer === "string" && answer.length > this.item.longest ? "long" : super.problem()
  }
}

class Lines extends Line {
  typing() { return make("textarea", { ...this.settings(), rows: 4, maxlength: this.item.longest }) }
}

class Numeric extends Typed {
  typing() { return make("input", { ...this.settings(), type: "text", inputmode: "decimal", maxlength: 20 }) }

  answer() {
    if (this.raw === null || this.declined) return this.raw
    return typeof this.raw === "number" ? this.raw : asNumber(this.raw)
  }

  problem() {
    const number = this.answer()
    if (number === null || this.declined) return super.problem()
    if (Number.isNaN(number)) return "number"
    const { minimum, maximum, step } = this.item
    if (number < (minimum ?? -Infinity) || number > (maximum ?? Infinity)) {
      return minimum === undefined ? "most" : maximum === undefined ? "least" : "between"
    }
    const steps = step ? (number - (minimum ?? 0)) / step : 0
    return Math.abs(steps - Math.round(steps)) > 1e-6 ? "step" : ""
  }
}

class Day extends Typed {
  typing() {
    const { minimum, maximum } = this.item
    const input = make("input", { ...this.settings(), type: "date", min: minimum, max: maximum })
    if (input.type !== "date") { // an old browser: typed as day, month, year
      input.setAttribute("inputmode", "numeric")
      this.fallback = make("p", { class: "hint" }, this.words.date_hint)
    }
    return input
  }

  counter() { return this.fallback }

  typed() {
    super.typed()
    this.bad = this.input.validity.badInput
  }

  answer() {
    if (this.raw === null || this.declined) return this.raw
    return asDay(String(this.raw)) || String(this.raw)
  }

  problem() {
    if (this.input.validity.badInput) return "date"
    const answer = this.answer()
    if (answer === null || this.declined) return super.problem()
    const day = asDay(answer)
    return day && day >= this.item.minimum && day <= this.item.maximum ? "" : "date"
  }
}

class Slider extends Typed {
  typing() {
    const { minimum, maximum, step } = this.item
    this.lowest = minimum
    const input = make("input", { ...this.settings(), type: "range", min: minimum, max: maximum, step: step ?? 1 })
    const touch = () => this.set(Number(input.value))
    input.addEventListener("input", touch)
    // A tap in the very middle, or the space bar, changes no value and is an answer all the same. Not "click": a phone
    // sends none, and a press on the question's own words does.
    input.addEventListener("pointerup", () => this.answer() === null && touch())
    input.addEventListener("keydown", event => {
      if (event.key !== " " && event.key !== "Enter") return
      event.preventDefault()
      touch()
    })
    return input
  }

  build() {
    this.input = this.typing()
    this.told = make("output", { for: this.input.id })
    const ends = make("div", { class: "limits", "aria-hidden": "true" },
      make("span", {}, String(this.item.minimum)), make("span", {}, String(this.item.maximum)))
    this.labelled(make("div", { class: "scale" }, this.told, this.input, ends),
      make("div", { class: "beside" }, this.refusal(), this.clearing()))
  }

  restore() {
    const value = this.answer()
    const open = typeof value !== "number" || this.declined
    const { minimum, maximum } = this.item
    if (open) this.input.value = String((minimum + maximum) / 2)
    else if (Number(this.input.value) !== value) this.input.value = String(value)
    this.holder.classList.toggle("untouched", open)
    this.told.textContent = open ? this.declined ? "" : this.words.untouched : String(value)
    this.input.setAttribute("aria-valuetext", open ? this.declined ? this.words.decline : this.words.untouched : String(value))
    this.input.style.setProperty("--share", open ? 0 : (value - minimum) / (maximum - minimum))
    if (this.refused) this.refused.checked = this.declined
    if (this.clear) this.clear.hidden = value === null || this.declined
  }

  answer() { return typeof this.raw === "number" ? this.raw : null }
}

// -- to agree to, and to look at -----------------------------------------------------------------------------------

class Consent extends Field {
  build() {
    this.input = make("input", { type: "checkbox", name: this.item.id, value: 1, "aria-describedby": this.described })
    this.input.addEventListener("change", () => this.set(this.input.checked ? 1 : null))
    this.holder = make("div", { class: "item consent", id: this.id }, this.hint, this.help(), this.error,
      this.option(this.input, this.heading(), "", "box"))
  }

  restore() { this.input.checked = this.raw === 1 }

  answer() { return this.raw === 1 ? 1 : null }

  invalid(is) { this.input.setAttribute("aria-invalid", String(is)) }
}

class Info extends Field {
  get asks() { return false }

  build() {
    const { item, page } = this
    this.holder = make("div", { class: "item info", id: this.id },
      make("p", { class: "text" }, page.said(item.text)), this.hint, item.media && this.media(item.media), this.help())
  }

  media(media) {
    const { kind, address, alt } = media
    if (kind === "image") return make("img", { src: address, alt, loading: "lazy" })
    if (kind === "video") {
      return make("video", { src: address, controls: "", playsinline: "", preload: "metadata", "aria-label": alt })
    }
    return this.abroad(media)
  }

  // On another site: nothing is asked of it before somebody has read what it learns and opened it all the same.
  abroad({ address, host, alt, shows }) {
    const { words } = this
    const link = () => make("a", {
      href: address, target: "_blank", rel: "noopener noreferrer", class: "out", referrerpolicy: "no-referrer",
    }, filled(words.open, { host }), make("span", { class: "unseen" }, ` (${words.new_tab})`))
    const told = make("p", { class: "hint" }, filled(words.abroad, { host }))
    const box = make("div", { class: "abroad" }, alt && make("p", { class: "text" }, alt), told)
    if (!shows) {
      box.append(link())
      return box
    }
    const button = make("button", { type: "button", class: "plain" }, filled(words.show, { host }))
    button.addEventListener("click", () => {
      const shown = shows === "image" ? make("img", { alt, referrerpolicy: "no-referrer" })
        : make("video", { controls: "", playsinline: "", autoplay: "", tabindex: "0", "aria-label": alt })
      shown.addEventListener("error", () => box.replaceChildren(make("p", { class: "hint", role: "status" }, words.gone), link()))
      box.replaceChildren(shown)
      shown.src = address
      shown.focus?.()
    })
    box.append(button)
    return box
  }

  answer() { return null }

  problem() { return "" }
}

// -- what was typed ------------------------------------------------------------------------------------------------

export function asNumber(text) {
  const plain = String(text).trim().replace(",", ".")
  return /^[-+]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : NaN
}

// The day as 2024-03-31; typed in that order, or as day, month and year. "" for anything else.
export function asDay(text) {
  const plain = text.trim()
  const written = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(plain)
  const spoken = /^(\d{1,2})[-./ ]+(\d{1,2})[-./ ]+(\d{4})$/.exec(plain)
  const [year, month, day] = written ? written.slice(1) : spoken ? spoken.slice(1).reverse() : []
  if (!year) return ""
  const iso = `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}`
  const real = new Date(`${iso}T00:00:00Z`)
  return !Number.isNaN(real.getTime()) && real.toISOString().startsWith(iso) ? iso : ""
}
