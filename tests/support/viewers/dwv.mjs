// dwv in headless Chromium: a film, then a report on it; writes result.json and a screenshot. Run by dwv.py; see README.md.
import { createServer } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [out, chromium, modules, film, report] = process.argv.slice(2);
const { chromium: browserType } = createRequire(path.join(modules, 'x.js'))('playwright-core');
const html = fileURLToPath(new URL('dwv.html', import.meta.url));

const fileOf = { '/': [html, 'text/html'], '/film.dcm': [film, 'application/dicom'], '/report.dcm': [report, 'application/dicom'],
  '/favicon.ico': ['/dev/null', 'image/x-icon'] };
const server = createServer(async (req, res) => {
  const asked = decodeURIComponent(req.url.split('?')[0]);
  const inside = path.join(modules, asked.replace(/^\/modules\//, ''));
  const [file, type] = fileOf[asked] ?? (inside.startsWith(modules) ? [inside, 'text/javascript'] : []);
  await readFile(file).then(content => res.writeHead(200, { 'Content-Type': type }).end(content), () => res.writeHead(404).end());
});
await new Promise(done => server.listen(0, '127.0.0.1', done));

const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'] });
const page = await browser.newPage({ viewport: { width: 900, height: 1000 } });
const complaints = [];
page.on('pageerror', error => complaints.push(String(error)));
page.on('console', message => message.type() === 'error' && complaints.push(message.text()));

let result = {};
try {
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.ready', null, { timeout: 30000 });
  result = await page.evaluate(([f, r]) => window.show(f, r), ['/film.dcm', report ? '/report.dcm' : '']);
} catch (error) {
  result.failure = String(error);
}
await page.screenshot({ path: path.join(out, 'dwv.png') });
result.complaints = complaints;
await writeFile(path.join(out, 'result.json'), JSON.stringify(result, null, 1));
await browser.close();
server.close();
