// Elements and what the browser keeps. All texts are set as text nodes, never as markup.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value)
  }
  element.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false))
  return element
}

export function drawn(size, path, title) {
  const shape = (tag, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value))
    return element
  }
  const svg = shape("svg", { viewBox: `-4 -4 ${size + 8} ${size + 8}`, role: "img", "aria-label": title, class: "qr" })
  svg.append(shape("path", { d: path, stroke: "#000", fill: "none" }))
  return svg
}

export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (found, name) => values[name] ?? found)
}

const memory = new Map() // where the browser refuses to keep anything

export function kept(name) {
  try {
    return localStorage.getItem(name) ?? memory.get(name) ?? null
  } catch {
    return memory.get(name) ?? null
  }
}

export function keep(name, text) {
  try {
    localStorage.setItem(name, text)
  } catch {
    memory.set(name, text)
  }
}

export function drop(name) {
  memory.delete(name)
  try {
    localStorage.removeItem(name)
  } catch {
    // nothing was kept there
  }
}

export function keptNames() {
  try {
    return [...memory.keys(), ...Object.keys(localStorage)]
  } catch {
    return [...memory.keys()]
  }
}
