namespace Lorikeet.Models.Text.Bpe;

/// <summary>The settings of a BPE model.</summary>
/// <param name="FuseUnknown">Whether neighbouring unknown characters are one token.</param>
/// <param name="ByteFallback">Whether a character without a token becomes the tokens of its bytes.</param>
/// <param name="IgnoreMerges">Whether a word that is a token is taken as it is.</param>
/// <param name="Prefix">What stands before the characters of a word but the first; mostly empty.</param>
/// <param name="Suffix">What stands behind the last character of a word; mostly empty.</param>
internal sealed record BpeRules(bool FuseUnknown = false, bool ByteFallback = false, bool IgnoreMerges = false, string Prefix = "", string Suffix = "");
