/**
 * The page's style sheet: light and dark, from a phone to a wide screen, with the fonts that the reader has.
 */
export const PAGE_STYLE = `
:root { --paper: #f6f4ef; --card: #fffefb; --ink: #22201c; --soft: #6d675d; --line: #e4dfd4; --track: #ece7dc; --bar: #b9ae9b; --best: #c8402f; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #171614; --card: #211f1c; --ink: #ece8e0; --soft: #a29b8e; --line: #35322d; --track: #322f2a; --bar: #71695c; --best: #ef7a63; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: clamp(1.25rem, 4vw, 3.5rem) clamp(1rem, 4vw, 2.5rem); background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif; }
h1, h2, h3, p, ol, figure { margin: 0; padding: 0; }
h1 { font-size: clamp(2rem, 6vw, 3rem); line-height: 1.1; letter-spacing: -0.02em; }
header p { margin-top: 0.6rem; font-size: 1.15rem; }
[lang="en"] { color: var(--soft); font-size: 0.875rem; font-weight: 400; margin-left: 0.35em; }
section { margin-top: clamp(2.25rem, 6vw, 3.75rem); }
h2 { font-size: 1.5rem; line-height: 1.3; }
.note { color: var(--soft); font-size: 0.9rem; margin-top: 0.25rem; }
ol { list-style: none; }
figure { min-width: 0; }
img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 0.6rem; background: var(--track); }
figcaption { color: var(--soft); font-size: 0.8rem; line-height: 1.35; margin-top: 0.45rem; overflow-wrap: anywhere; }
.bar { display: block; height: 0.5rem; border-radius: 0.25rem; background: var(--track); overflow: hidden; }
.bar i { display: block; height: 100%; border-radius: inherit; background: var(--bar); }
li:first-child .bar i { background: var(--best); }
b, small { font-variant-numeric: tabular-nums; }
.classification { display: grid; grid-template-columns: minmax(10rem, 17rem) 1fr; gap: clamp(1rem, 4vw, 2.5rem); align-items: center; margin-top: 1.25rem;
  padding: clamp(1rem, 3vw, 1.75rem); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
.classification ol { display: grid; grid-template-columns: max-content 1fr max-content max-content; gap: 0.9rem 0.9rem; align-items: center; }
.classification li { display: contents; }
.classification b { text-align: right; font-weight: 500; }
.classification small { color: var(--soft); text-align: right; }
.classification li:first-child .label, .classification li:first-child b { color: var(--best); font-weight: 700; }
article { margin-top: 1.25rem; padding: clamp(1rem, 3vw, 1.5rem); background: var(--card); border: 1px solid var(--line); border-radius: 1rem; }
h3 { font-size: 1.2rem; line-height: 1.4; overflow-wrap: anywhere; }
h3::before { content: "「"; color: var(--best); margin-left: -0.5em; }
h3::after { content: "」"; color: var(--best); }
.matches { display: grid; grid-template-columns: repeat(5, 1fr); gap: 1rem; margin-top: 1rem; }
.matches li { display: grid; grid-template-columns: 1fr max-content; grid-template-rows: 1fr auto; gap: 0.4rem 0.6rem; align-items: center; min-width: 0; }
.matches figure { grid-column: 1 / -1; align-self: start; }
.matches b { font-size: 0.85rem; font-weight: 500; }
.matches li:first-child img { outline: 3px solid var(--best); outline-offset: 1px; }
.matches li:first-child b, .matches li:first-child figcaption { color: var(--best); font-weight: 700; }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.85rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  .classification { grid-template-columns: 1fr; }
  .classification figure { max-width: 14rem; width: 100%; margin: 0 auto; text-align: center; }
  .classification ol { gap: 0.7rem 0.6rem; }
  [lang="en"] { display: block; margin-left: 0; }
  .matches { grid-template-columns: repeat(2, 1fr); }
  .matches li:first-child { grid-column: 1 / -1; }
  .matches li:first-child img { aspect-ratio: 3 / 2; }
}
`;
