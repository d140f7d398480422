using System.Security.Cryptography;

namespace Lorikeet.Server;

/// <summary>A piece of an answer as clients see it: text, the start of a call, or a piece of a call's arguments.</summary>
/// <param name="Call">The call's number; -1: text.</param>
/// <param name="Id">The call's id where it starts.</param>
/// <param name="Name">The function's name where it starts.</param>
/// <param name="Text">Text or arguments.</param>
internal readonly record struct AnswerPart(int Call, string? Id, string? Name, string Text)
{
    private const string Letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    public static AnswerPart Content(string text) => new(-1, null, null, text);

    public static AnswerPart Start(int call, string name) => new(call, "call_" + RandomNumberGenerator.GetString(Letters, 24), name, "");

    public static AnswerPart Arguments(int call, string text) => new(call, null, null, text);
}
