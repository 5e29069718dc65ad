// What @cornerstonejs/adapters, OHIF's own reader of SRs, makes of TID 1500 documents: in plain Node, without a browser.
// Run by adapters.py: node adapters.mjs NODE_MODULES FILE...; prints one JSON list, an item for each file.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, ...files] = process.argv.slice(2);
// ES modules of these packages, as a bundler would find them; one copy of core for them and for us
const load = file => import(pathToFileURL(path.join(modules, file)));
const { adaptersSR } = await load('@cornerstonejs/adapters/dist/esm/index.js');
const { metaData } = await load('@cornerstonejs/core/dist/esm/index.js');
const dcmjs = createRequire(path.join(modules, 'x.js'))('dcmjs');

// The plane of every image: pixels are the unit, so that what comes out can be held against the boxes.
const PLANE = { imagePositionPatient: [0, 0, 0], rowCosines: [1, 0, 0], columnCosines: [0, 1, 0], rowPixelSpacing: 1,
  columnPixelSpacing: 1, frameOfReferenceUID: '1.2.3' };
metaData.addProvider(type => (type === 'imagePlaneModule' ? PLANE : undefined), 1);
const everyImage = new Proxy({}, { get: (_, uid) => `image:${String(uid)}` });

async function hydrate(file) {
  const { buffer } = await readFile(file);
  const message = dcmjs.data.DicomMessage.readFile(buffer);
  const dataset = dcmjs.data.DicomMetaDictionary.naturalizeDataset(message.dict);
  const state = adaptersSR.Cornerstone3D.MeasurementReport.generateToolState(dataset, everyImage, metaData);
  return Object.entries(state).flatMap(([tool, made]) => made.map(one => ({
    tool, image: one.annotation.metadata.referencedImageId.slice('image:'.length), label: one.annotation.data.label,
    tracking: one.TrackingUniqueIdentifier, points: one.annotation.data.handles.points.map(point => Array.from(point)) })));
}

console.warn = console.info = console.log = () => {};
const answers = [];
for (const file of files) {
  answers.push(await hydrate(file).then(annotations => ({ annotations }), error => ({ failure: String(error) })));
}
process.stdout.write(JSON.stringify(answers));
