//! How the pages look: colours for a light and a dark screen, one column on a phone.

use crate::limits::PAGE_PART_LEN_MAX;

/// The style sheet, in parts of a page. The page's body follows.
pub(super) const STYLE: [&str; 4] = [
    "<style>:root{color-scheme:light dark;--f:#17202a;--b:#f3f5f7;--c:#fff;--m:#525d69;--a:#0a64a8;\
     --g:#d3dae0}@media(prefers-color-scheme:dark){:root{--f:#e8edf2;--b:#11161b;--c:#1b222a;--m:#a6b1bd;\
     --a:#62b6f3;--g:#36414c}}*{box-sizing:border-box}body{margin:0 auto;padding:16px;max-width:960px;\
     font:16px/1.5 system-ui,sans-serif;color:var(--f);background:var(--b)}h1{font-size:1.5rem;\
     line-height:1.2;margin:0}h2{font-size:1rem;margin:24px 0 8px}p{margin:4px 0}a{color:var(--a)}.m{\
     color:var(--m);font-size:.875rem}ul{list-style:none;margin:0;padding:0;display:grid;\
     grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:12px}",
    "li,pre,table{background:var(--c);border:1px solid var(--g);border-radius:10px;margin:0}li{\
     position:relative;padding:8px 16px 12px}li a{display:block;padding:4px 0}li a::after{content:\"\";\
     position:absolute;inset:0}.v{font-size:1.75rem;line-height:1.2}small{font-size:1rem}pre{\
     padding:12px 16px;white-space:pre-wrap;overflow-wrap:anywhere}table{width:100%;border-spacing:0;\
     padding:4px 8px}th,td{text-align:left;padding:6px 8px;font-weight:400}th{color:var(--m)}.n{\
     text-align:right}svg{display:block;width:100%;height:48px;margin:6px 0;overflow:visible}",
    ".l{fill:none;stroke:var(--a);stroke-width:2;stroke-linecap:round;stroke-linejoin:round;\
     vector-effect:non-scaling-stroke}.b{stroke:var(--a);opacity:.3;stroke-width:1.02}.g{stroke:var(--g);\
     vector-effect:non-scaling-stroke}.c{display:grid;grid-template-columns:auto 1fr;gap:4px 8px}.c svg{\
     height:220px;margin:0}.c div{display:flex;justify-content:space-between;font-size:.875rem;\
     color:var(--m)}.c .y{flex-direction:column;text-align:right}.c .x{grid-column:2}.x span{display:flex;\
     justify-content:center;width:0;white-space:nowrap}.x :first-child{justify-content:start}.x :last-child{\
     justify-content:end}.k{display:inline-block;padding:10px 0}",
    "</style></head><body>\n",
];

const _: () = {
    let mut index = 0;
    while index < STYLE.len() {
        assert!(STYLE[index].len() <= PAGE_PART_LEN_MAX);
        index += 1;
    }
};
