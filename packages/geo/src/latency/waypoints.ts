/**
 * Where cables meet. Towns stand by the land that they are on: within it traffic goes overland, between lands it
 * takes a cable of `cables.ts`. Points at sea only bend a cable around what is in its way. A land is what fibre
 * crosses, not a continent: the Channel and the Irish Sea are no borders, the Himalayas are one.
 */
export const towns = {
  'north-america': {
    ashburn: { lat: 39.04, lon: -77.49 },
    newYork: { lat: 40.71, lon: -74.01 },
    miami: { lat: 25.76, lon: -80.19 },
    losAngeles: { lat: 34.05, lon: -118.24 },
    sanJose: { lat: 37.35, lon: -121.96 },
    portland: { lat: 45.52, lon: -122.68 },
    seattle: { lat: 47.61, lon: -122.33 },
    halifax: { lat: 44.65, lon: -63.57 },
    dallas: { lat: 32.78, lon: -96.8 },
    chicago: { lat: 41.88, lon: -87.63 },
    mexico: { lat: 19.43, lon: -99.13 },
    calgary: { lat: 51.05, lon: -114.07 },
    panama: { lat: 8.98, lon: -79.52 },
    anchorage: { lat: 61.2, lon: -149.9 },
  },
  europe: {
    cornwall: { lat: 50.83, lon: -4.55 },
    dublin: { lat: 53.33, lon: -6.25 },
    amsterdam: { lat: 52.37, lon: 4.9 },
    lisbon: { lat: 38.72, lon: -9.14 },
    marseille: { lat: 43.3, lon: 5.37 },
    palermo: { lat: 38.12, lon: 13.36 },
    bilbao: { lat: 43.26, lon: -2.93 },
    athens: { lat: 37.98, lon: 23.73 },
    istanbul: { lat: 41.01, lon: 28.98 },
    stockholm: { lat: 59.33, lon: 18.07 },
    warsaw: { lat: 52.23, lon: 21.01 },
    moscow: { lat: 55.76, lon: 37.62 },
    esbjerg: { lat: 55.47, lon: 8.45 },
    novosibirsk: { lat: 55.03, lon: 82.92 },
    almaty: { lat: 43.24, lon: 76.89 },
  },
  iceland: {
    reykjavik: { lat: 64.15, lon: -21.94 },
  },
  levant: {
    telAviv: { lat: 32.07, lon: 34.78 },
  },
  'north-africa': {
    alexandria: { lat: 31.2, lon: 29.92 },
    suez: { lat: 29.97, lon: 32.55 },
    algiers: { lat: 36.75, lon: 3.06 },
    casablanca: { lat: 33.57, lon: -7.59 },
  },
  arabia: {
    jeddah: { lat: 21.49, lon: 39.19 },
    bahrain: { lat: 26.23, lon: 50.59 },
    fujairah: { lat: 25.12, lon: 56.33 },
    muscat: { lat: 23.59, lon: 58.38 },
    kuwait: { lat: 29.38, lon: 47.98 },
  },
  'south-asia': {
    mumbai: { lat: 19.08, lon: 72.88 },
    chennai: { lat: 13.08, lon: 80.27 },
    karachi: { lat: 24.86, lon: 67.01 },
    delhi: { lat: 28.61, lon: 77.21 },
    colombo: { lat: 6.93, lon: 79.85 },
    dhaka: { lat: 23.81, lon: 90.41 },
  },
  indochina: {
    singapore: { lat: 1.35, lon: 103.82 },
    penang: { lat: 5.41, lon: 100.33 },
    bangkok: { lat: 13.76, lon: 100.5 },
    saigon: { lat: 10.35, lon: 107.08 },
    yangon: { lat: 16.87, lon: 96.2 },
  },
  java: {
    jakarta: { lat: -6.21, lon: 106.85 },
  },
  luzon: {
    manila: { lat: 14.6, lon: 120.98 },
  },
  china: {
    hongKong: { lat: 22.28, lon: 114.17 },
    shanghai: { lat: 31.23, lon: 121.47 },
    beijing: { lat: 39.9, lon: 116.4 },
    chengdu: { lat: 30.57, lon: 104.07 },
    urumqi: { lat: 43.83, lon: 87.62 },
  },
  taiwan: {
    taipei: { lat: 25.03, lon: 121.57 },
  },
  korea: {
    busan: { lat: 35.18, lon: 129.08 },
    seoul: { lat: 37.57, lon: 126.98 },
  },
  japan: {
    tokyo: { lat: 35.68, lon: 139.69 },
    osaka: { lat: 34.69, lon: 135.5 },
    fukuoka: { lat: 33.59, lon: 130.4 },
  },
  guam: {
    guam: { lat: 13.44, lon: 144.79 },
  },
  hawaii: {
    honolulu: { lat: 21.31, lon: -157.86 },
  },
  fiji: {
    suva: { lat: -18.14, lon: 178.44 },
  },
  australia: {
    sydney: { lat: -33.87, lon: 151.21 },
    perth: { lat: -31.95, lon: 115.86 },
    brisbane: { lat: -27.47, lon: 153.03 },
    darwin: { lat: -12.46, lon: 130.84 },
  },
  'new-zealand': {
    auckland: { lat: -36.85, lon: 174.76 },
  },
  'south-america': {
    fortaleza: { lat: -3.73, lon: -38.52 },
    santos: { lat: -23.96, lon: -46.33 },
    buenosAires: { lat: -34.6, lon: -58.38 },
    valparaiso: { lat: -33.05, lon: -71.62 },
    lima: { lat: -12.05, lon: -77.04 },
    barranquilla: { lat: 10.96, lon: -74.8 },
    manaus: { lat: -3.1, lon: -60.0 },
  },
  caribbean: {
    sanJuan: { lat: 18.47, lon: -66.11 },
  },
  'southern-africa': {
    capeTown: { lat: -33.92, lon: 18.42 },
    durban: { lat: -29.86, lon: 31.02 },
    johannesburg: { lat: -26.2, lon: 28.05 },
    luanda: { lat: -8.84, lon: 13.23 },
    mauritius: { lat: -20.16, lon: 57.5 },
  },
  'east-africa': {
    mombasa: { lat: -4.05, lon: 39.67 },
    djibouti: { lat: 11.59, lon: 43.15 },
  },
  'west-africa': {
    lagos: { lat: 6.45, lon: 3.39 },
    dakar: { lat: 14.72, lon: -17.47 },
  },
} as const;

export const pointsAtSea = {
  babElMandeb: { lat: 12.5, lon: 43.4 },
  gulfOfAden: { lat: 13.0, lon: 51.5 },
  dondraHead: { lat: 5.5, lon: 80.5 },
  acehHead: { lat: 6.1, lon: 95.0 },
  luzonStrait: { lat: 20.5, lon: 120.8 },
  recife: { lat: -8.0, lon: -34.0 },
  capeFinisterre: { lat: 43.5, lon: -10.5 },
  sicilyChannel: { lat: 37.2, lon: 11.5 },
  agulhas: { lat: -36.0, lon: 21.0 },
} as const;

export type Land = keyof typeof towns;
type NamesIn<Table> = Table extends unknown ? keyof Table : never;
export type WaypointName = NamesIn<(typeof towns)[Land]> | keyof typeof pointsAtSea;
