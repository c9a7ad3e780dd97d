// Conditions on answers, as the server reads them (analysis/show_if.py): nested lists, never code.

const DECLINED = -99

const COMPARISONS = {
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
}

export function holds([what, ...parts], answers) {
  switch (what) {
    case "and": return parts.every(part => holds(part, answers))
    case "or": return parts.some(part => holds(part, answers))
    case "not": return !holds(parts[0], answers)
    case "answered": return answerTo(parts[0], answers) !== null
    case "chosen": {
      const answer = answerTo(parts[0], answers)
      return Array.isArray(answer) ? answer.includes(parts[1]) : answer === parts[1]
    }
    case "in": return parts.slice(1).includes(side(parts[0], answers))
    case "compare": {
      const sides = parts.filter((_, place) => place % 2 === 0).map(part => side(part, answers))
      return sides.slice(1).every((after, place) => compare(parts[2 * place + 1], sides[place], after))
    }
    default: return false
  }
}

function side(part, answers) {
  return Array.isArray(part) ? answerTo(part[1], answers) : part
}

function answerTo(name, answers) {
  const answer = Object.hasOwn(answers, name) ? answers[name] : null
  return answer === DECLINED || answer === "" || answer === undefined ? null : answer
}

function compare(sign, before, after) {
  if (before === null || after === null || Array.isArray(before) || Array.isArray(after)) return false
  if (typeof before !== typeof after && sign !== "==" && sign !== "!=") return false
  return COMPARISONS[sign](before, after)
}
