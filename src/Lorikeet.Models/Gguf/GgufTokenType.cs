namespace Lorikeet.Models.Gguf;

/// <summary>What a token of a GGUF vocabulary is; the numbers are those in the file.</summary>
internal enum GgufTokenType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}
