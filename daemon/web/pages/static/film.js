// A film's values as the server sends them (daemon/web/pages/film.py).

/** {columns, rows, source_columns, source_rows, step, slope, intercept, inverted, windows, shown, levels}; throws words. */
export async function loadFilm(url, side) {
  const answer = await fetch(side ? `${url}?side=${side}` : url).catch(() => { throw new Error("thoraxd does not answer"); });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error ?? `the film cannot be shown (HTTP ${answer.status})`);
  }
  const film = JSON.parse(answer.headers.get("Thoraxd-Film")), body = await answer.arrayBuffer();
  return { ...film, shown: new Uint8Array(body, 0, film.table), levels: new Uint16Array(body, film.table) };
}

/** The modality value that a share of the film's pixels lie below. */
export function percentiles(film, shares) {
  const counts = new Uint32Array(film.table), { levels } = film;
  for (let i = 0; i < levels.length; i += 1) counts[levels[i]] += 1;
  return shares.map(share => {
    let below = 0, level = 0;
    while (level < film.table - 1 && below + counts[level] <= share * levels.length) { below += counts[level]; level += 1; }
    return level * film.slope + film.intercept;
  });
}
