// The order in which the worklist showed its studies, so that a study's page knows the next. Names in URLs only, no
// patient; forgotten with the window.

const kept = "thoraxd-order", last = "thoraxd-last";

export function keepOrder(tokens, list) {
  sessionStorage.setItem(kept, JSON.stringify({ tokens, list }));
}

const order = () => JSON.parse(sessionStorage.getItem(kept) ?? '{"tokens": [], "list": "/"}');

/** The study `by` places on from this one, as a URL; null at the list's end. */
export function neighbour(token, by) {
  const { tokens } = order(), at = tokens.indexOf(token);
  const found = at < 0 ? undefined : tokens[at + by];
  return found ? `/study/${found}` : null;
}

export const list = () => order().list;
export const keepStudy = token => sessionStorage.setItem(last, token);
export const lastStudy = () => sessionStorage.getItem(last);
