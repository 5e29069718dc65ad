// Headless Chromium, told what to do line by line on stdin (JSON), answering line by line on stdout. Run by browser.py.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import path from 'node:path';

const [chromium, modules, width, height, scheme] = process.argv.slice(2);
const { chromium: browserType } = createRequire(path.join(modules, 'x.js'))('playwright-core');
const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'] });
const page = await browser.newPage({ viewport: { width: Number(width), height: Number(height) }, colorScheme: scheme });
const complaints = [];
let navigations = 0;
page.on('pageerror', error => complaints.push(String(error)));
page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
page.on('framenavigated', frame => { if (frame === page.mainFrame()) navigations += 1; });

const acts = {
  goto: url => page.goto(url).then(() => null),
  evaluate: script => page.evaluate(script),
  wait: async script => { // not by waitForFunction: that needs eval, which the page's policy forbids
    const until = Date.now() + 20000;
    while (!await page.evaluate(script).catch(() => false)) {
      if (Date.now() > until) throw new Error(`never came true: ${script}`);
      await page.waitForTimeout(30);
    }
    return null;
  },
  size: ([width, height]) => page.setViewportSize({ width, height }).then(() => null),
  press: key => page.keyboard.press(key).then(() => null),
  drag: ([x0, y0, x1, y1]) => page.mouse.move(x0, y0).then(() => page.mouse.down()).then(() => page.mouse.move(x1, y1, { steps: 4 }))
    .then(() => page.mouse.up()).then(() => null),
  shot: file => page.screenshot({ path: file }).then(() => null),
  // Evaluated by the debugger, so that the page's Content Security Policy need not allow it.
  axe: async () => {
    await page.evaluate(await readFile(path.join(modules, 'axe-core', 'axe.min.js'), 'utf8') + '; null');
    return page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(
      one => ({ id: one.id, impact: one.impact, help: one.help, where: one.nodes.map(node => node.html.slice(0, 200)) }))));
  },
  complaints: async () => complaints,
  navigations: async () => navigations,
};
for await (const line of createInterface({ input: process.stdin })) {
  const { act, given } = JSON.parse(line);
  const answer = await acts[act](given).then(value => ({ value }), error => ({ error: String(error) }));
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
