// Ready dialogues. Lines are said by the first and the second speaker (0, 1).

/** @typedef {{faces: [string, string], languages: [string, string], lines: [number, string][]}} Script */

/** @type {Record<string, Script>} */
export const SCRIPTS = {
  "Good manners": {
    faces: ["ada", "ben"],
    languages: ["en", "en"],
    lines: [
      [0, "Have you noticed? My lips move exactly when I speak."],
      [1, "I have. Mine do, too. And while you talk, they rest."],
      [0, "That is what people call good manners."],
      [1, "Here it is called viseme zero."],
    ],
  },
  "Front desk": {
    faces: ["ada", "ben"],
    languages: ["en", "en"],
    lines: [
      [0, "Good evening, and welcome. Do you have a reservation?"],
      [1, "Yes, two nights. The name is Peppermint."],
      [0, "Room forty-two, with a view of the harbour. Breakfast begins at seven."],
      [1, "Wonderful. Could somebody wake me at half past six?"],
      [0, "With pleasure. I have a very clear voice."],
    ],
  },
  "Two languages": {
    faces: ["zuri", "ben"],
    languages: ["fr", "de"],
    lines: [
      [0, "Bonjour ! Vous parlez français ?"],
      [1, "Leider nein. Aber ich höre Ihnen gern zu."],
      [0, "Alors, je vais parler lentement."],
      [1, "Und ich schaue auf Ihre Lippen."],
    ],
  },
};
