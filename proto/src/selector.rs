//! Label selectors: `ring=canary,zone in (a,b),!old`.
