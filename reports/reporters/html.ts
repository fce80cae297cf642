// Other projects import this file and not the page itself: across a project reference, tsc 7 looks for the output of a
// .tsx file in vain.
export { campaignReport, comparisonReport, coverageReport, htmlReport } from '../html/html-report.tsx';
