export { type ConformanceCase, type ConformanceMeta, type OpenStore, type StoreUnderTest, vectorStoreCases } from "./vector-store-cases.js";
