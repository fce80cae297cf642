/** Where one is, and the filter. */
export const barStyle = `
.bar {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1.2rem;
  margin: 2rem calc(-1 * clamp(1rem, 4vw, 3rem)) 0; padding: 0.55rem clamp(1rem, 4vw, 3rem);
  background: var(--paper); border-block: 1px solid var(--rule); font-size: 0.84rem;
}
.bar nav { display: flex; flex-wrap: wrap; gap: 0 0.9rem; }
.bar nav a { color: inherit; text-decoration: none; font-weight: 600; padding: 0.2rem 0; }
.bar nav a:hover { text-decoration: underline; }
.bar search { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 0.8rem; margin-left: auto; }
.bar label { display: flex; align-items: center; gap: 0.4rem; color: var(--soft); }
.bar input, .bar select, button {
  font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--firm); border-radius: 3px;
  padding: 0.22rem 0.5rem; min-height: 1.9rem;
}
.bar input { width: 8.6rem; }
.bar select { max-width: 9rem; }
.bar input::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; white-space: nowrap; }
button:hover { border-color: var(--ink); }
#filter-count { color: var(--soft); line-height: 1.2; }
#filter-count:empty { display: none; }
#theme { min-width: 3.6rem; }
.more { position: relative; }
.more > summary { padding: 0.3rem 0; white-space: nowrap; color: var(--soft); }
.more > summary:hover { color: var(--ink); }
.more.used > summary { color: var(--ink); font-weight: 600; }
.more > div {
  display: grid; gap: 0.5rem; padding: 0.9rem 1rem; background: var(--panel); border: 1px solid var(--firm);
}
.more label { justify-content: space-between; }
.more select { width: 12rem; max-width: none; }
#filter-none { margin: 2.5rem 0 0; padding: 1rem 1.1rem; border-left: 4px solid var(--warn-fill); background: var(--warn-ground); color: var(--warn); }
#filter-none button { margin-left: 0.8rem; }

@media screen and (min-width: 46rem) {
  .more > div { position: absolute; right: 0; top: 100%; z-index: 6; }
}
@media screen and (min-width: 83.5rem) {
  #filter-count {
    position: absolute; top: 100%; right: clamp(1rem, 4vw, 3rem); padding: 0.3rem 0.7rem;
    background: var(--paper); border: 1px solid var(--rule); border-top: 0;
  }
  .bar { position: sticky; top: 0; z-index: 5; flex-wrap: nowrap; column-gap: 0.8rem; }
  .bar nav, .bar search { column-gap: 0.6rem; }
  .bar label { gap: 0.3rem; }
  .bar select { max-width: 6.6rem; }
  .bar search { flex-wrap: nowrap; }
  .bar nav { flex-wrap: nowrap; white-space: nowrap; }
  html { scroll-padding-top: 4.5rem; }
}
@media (max-width: 46rem) {
  .bar search { margin-left: 0; width: 100%; }
  .bar label { flex: 1 1 8rem; }
  .more { flex: 1 1 100%; }
  .more select { width: 60%; }
  .bar input, .bar select { width: 100%; max-width: none; min-width: 0; }
}
`;
