'use strict';

// The device's pages in a browser: what a person would trip over, and pictures of them.
//
// node page.js CHROMIUM URL FOLDER
//
// Each page is opened on a phone and on a desktop, light and dark. It fails where the page has an error on its console,
// loads something from elsewhere, is wider than the screen, or breaks a rule of axe-core. FOLDER gets the pictures.

const path = require('node:path');
const fs = require('node:fs');
const puppeteer = require('puppeteer-core');

const AXE = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SCREENS = { phone: { width: 360, height: 740 }, desktop: { width: 1100, height: 800 } };
const PAGES = { readings: '/', reading: '/lm35' };
const TIMEOUT_MS = 20_000;

const [, , chromium, url, folder] = process.argv;
const faults = [];

async function check(browser, name, address, viewport, scheme) {
  const page = await browser.newPage();
  const fault = (text) => faults.push(`${name}: ${text}`);
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on('console', (message) => ['error', 'warn'].includes(message.type()) && fault(`console: ${message.text()}`));
  page.on('pageerror', (error) => fault(`page: ${error}`));
  page.on('requestfailed', (request) => fault(`not loaded: ${request.url()}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) fault(`from elsewhere: ${request.url()}`);
  });
  await page.setViewport(viewport);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  const response = await page.goto(address, { waitUntil: 'load' });
  if (response.status() !== 200) fault(`status ${response.status()}`);
  const seen = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    scripts: document.scripts.length,
    lang: document.documentElement.lang,
  }));
  if (seen.width > viewport.width) fault(`is ${seen.width} pixels wide`);
  if (seen.scripts > 0) fault('has a script');
  await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate((values) => window.axe.run({ runOnly: { type: 'tag', values } }), RULES);
  for (const { id, help, nodes } of violations) {
    fault(`${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  }
  if (passes.length === 0) fault('axe-core has looked at nothing');
  await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
  console.log(`${name}: ${passes.length} rules hold, ${violations.length} do not`);
  await page.close();
}

async function main() {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const [kind, target] of Object.entries(PAGES)) {
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        for (const scheme of ['light', 'dark']) {
          await check(browser, `page-${kind}-${screen}-${scheme}`, new URL(target, url).href, viewport, scheme);
        }
      }
    }
  } finally {
    await browser.close();
  }
  faults.forEach((fault) => console.error(fault));
  process.exitCode = faults.length > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
