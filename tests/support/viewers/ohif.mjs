// Serves a built OHIF with a same-origin proxy to a DICOMweb server, opens one study in headless Chromium, loads the
// SR (display, then hydration) and writes screenshots and what the page says. Run by ohif.py; see README.md.
import { createServer, request } from 'node:http';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

const [dist, origin, study, out, chromium, modules, act] = process.argv.slice(2); // act: yes, no or list
const { chromium: browserType } = createRequire(path.join(modules, 'x.js'))('playwright-core');

const CONFIG = `window.config = {
  routerBasename: '/', extensions: [], modes: [], showStudyList: true, maxNumberOfWebWorkers: 1,
  showWarningMessageForCrossOrigin: false, showCPUFallbackMessage: false, strictZSpacingForVolumeViewport: true,
  investigationalUseDialog: { option: 'never' }, disableConfirmationPrompts: false,
  defaultDataSourceName: 'dicomweb',
  dataSources: [{
    namespace: '@ohif/extension-default.dataSourcesModule.dicomweb', sourceName: 'dicomweb',
    configuration: { friendlyName: 'peer', name: 'peer', wadoUriRoot: '/dicom-web', qidoRoot: '/dicom-web',
      wadoRoot: '/dicom-web', qidoSupportsIncludeField: false, imageRendering: 'wadors', thumbnailRendering: 'wadors',
      enableStudyLazyLoad: true, supportsFuzzyMatching: false, supportsWildcard: true, omitQuotationForMultipartRequest: true,
      bulkDataURI: { enabled: false } } }],
};`;
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png' };
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

const server = createServer(async (req, res) => {
  if (req.url.startsWith('/dicom-web')) {
    const onward = request(origin + req.url, { method: req.method, headers: req.headers }, answer => {
      res.writeHead(answer.statusCode, { ...answer.headers, ...ISOLATION });
      answer.pipe(res);
    });
    onward.on('error', () => res.writeHead(502).end());
    req.pipe(onward);
    return;
  }
  if (req.url.startsWith('/app-config.js')) {
    res.writeHead(200, { 'Content-Type': 'text/javascript', ...ISOLATION }).end(CONFIG);
    return;
  }
  let file = path.join(dist, decodeURIComponent(req.url.split('?')[0]));
  const found = file.startsWith(dist) && await stat(file).then(s => s.isFile(), () => false);
  if (!found) file = path.join(dist, 'index.html');
  res.writeHead(200, { 'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream', ...ISOLATION });
  res.end(await readFile(file));
});
await new Promise(done => server.listen(0, '127.0.0.1', done));

const browser = await browserType.launch({ executablePath: chromium, args: ['--no-sandbox', '--use-gl=angle',
  '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--no-first-run', '--disable-quic'] });
const page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
const complaints = [];
page.on('pageerror', error => complaints.push(String(error)));
page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
const shot = name => page.screenshot({ path: path.join(out, name + '.png') });
const press = async (name, wait) => page.getByRole('button', { name, exact: true }).first().click({ timeout: wait })
  .then(() => true, () => false);
const settle = ms => page.waitForTimeout(ms);

const annotations = () => page.evaluate(() => window.cornerstoneTools?.annotation.state.getAllAnnotations().map(a => ({
  tool: a.metadata.toolName, image: a.metadata.referencedImageId ?? '', label: a.data.label ?? '',
  points: a.data.handles?.points?.length ?? 0,
  world: a.data.handles?.points?.map(p => Array.from(p)) ?? a.data.renderableData ?? null })) ?? null);
const isOffered = async () => await page.getByText('Do you want to continue tracking measurements').count() > 0;

// What the page's error message says in detail, "" when there is none; OHIF catches what its viewports throw.
async function broken() {
  if (await page.getByText('Something went wrong').count() === 0) return '';
  await press('Show Details', 5000);
  await settle(500);
  return (await page.evaluate(() => document.body.innerText)).slice(-3000);
}

// The first SR of the study browser, answered with yes (hydrated) or no (shown in the SR viewport).
async function openReport() {
  const row = page.locator('[data-cy="study-browser-thumbnail-no-image"]').filter({ hasText: 'SR' }).first();
  await row.dblclick({ timeout: 15000 });
  await settle(4000);
  await shot('sr-offered');
  result.failure = await broken();
  if (result.failure) await shot('failure');
  result.offered = await isOffered();
  await press(act === 'no' ? 'No' : 'Yes', 3000);
  await settle(5000);
  await shot(act === 'no' ? 'sr-viewport' : 'hydrated');
  result.annotations = await annotations();
}

// Every row of the study browser in turn: what it says, what opening it leads to, and a picture of that.
async function list() {
  const rows = page.locator('[data-cy="study-browser-thumbnail"], [data-cy="study-browser-thumbnail-no-image"]');
  result.rows = [];
  for (let n = 0; n < await rows.count(); n++) {
    const before = complaints.length;
    const text = await rows.nth(n).innerText();
    await rows.nth(n).dblclick({ timeout: 15000 }).catch(() => {});
    await settle(3000);
    const offered = await isOffered();
    if (offered) await press('No', 3000);
    await settle(1500);
    await shot(`row-${n}`);
    const shown = await page.evaluate(() => document.body.innerText);
    result.rows.push({ text, offered, shown, failure: await broken(), complaints: complaints.slice(before) });
  }
  result.annotations = await annotations();
}

const result = {};
try {
  await page.goto(`http://127.0.0.1:${server.address().port}/viewer?StudyInstanceUIDs=${study}`);
  await page.locator('canvas.cornerstone-canvas').first().waitFor({ timeout: 60000 });
  await settle(4000);
  await press('Skip all', 3000);
  await press('Confirm and hide', 3000);
  await shot('opened');
  if (act === 'list') await list(); else await openReport();
  result.svg = await page.evaluate(() => Array.from(document.querySelectorAll('svg.svg-layer')).map(s => s.outerHTML));
  result.text = await page.evaluate(() => document.body.innerText);
} catch (error) {
  result.error = String(error);
  await shot('error');
}
result.complaints = complaints;
await writeFile(path.join(out, 'result.json'), JSON.stringify(result, null, 1));
await browser.close();
server.close();
